import type { SagaState } from '@counterstep/protocol';
import { FINAL_STATES, STATE_CHANGES, STATE_COLOURS } from './transitions.js';

/** The states of a saga as a Mermaid state diagram. */
export function stateChart(): string {
  const states = [...new Set(STATE_CHANGES.map(({ to }) => to))];
  return [
    'stateDiagram-v2',
    ...STATE_CHANGES.map(({ from, to, fact }) => `  ${from ?? '[*]'} --> ${to} : ${fact}`),
    ...FINAL_STATES.map((state) => `  ${state} --> [*]`),
    ...states.map((state) => `  classDef ${styleOf(state)} fill:${STATE_COLOURS[state]},color:#111827`),
    ...states.map((state) => `  class ${state} ${styleOf(state)}`),
    '',
  ].join('\n');
}

/** Not the name of the state, which Mermaid would take for the state itself. */
function styleOf(state: SagaState): string {
  return `is_${state}`;
}
