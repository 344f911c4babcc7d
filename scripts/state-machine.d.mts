/** The page docs/state-machine.md as it must stand in the repository. */
export function stateMachinePage(): string;
