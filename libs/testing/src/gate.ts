import type { Effect } from '@counterstep/worker';

/** An effect that stops at a gate: `entered` tells that it came there, `open` lets it go on. */
export function gated(effect: Effect): { effect: Effect; entered: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let enter = () => {};
  const entered = new Promise<void>((resolve) => (enter = resolve));
  return {
    entered,
    open,
    effect: async (tx) => {
      enter();
      await opened;
      return effect(tx);
    },
  };
}
