import type { SagaState } from '@counterstep/protocol';
import type { SagaEvent } from './events.js';
import type { Fact, Saga } from './saga.js';

/** One way from a state to another; `from` is null for a saga that begins. */
export interface StateChange {
  readonly from: SagaState | null;
  readonly to: SagaState;
  /** The fact that makes it. */
  readonly fact: 'started' | 'entered' | 'finished';
  /** The events that may lead to the fact. */
  readonly events: readonly SagaEvent['type'][];
  /** For people. */
  readonly when: string;
}

/**
 * Every change of a saga's state; there is no other. `evolve` refuses what is not here, the constraints of the database
 * and the chart in docs/state-machine.md are made of it.
 */
export const STATE_CHANGES: readonly StateChange[] = [
  { from: null, to: 'pending', fact: 'started', events: ['start'], when: 'it is accepted' },
  {
    from: 'pending',
    to: 'running',
    fact: 'entered',
    events: ['start', 'timer', 'signal', 'resume', 'intervene'],
    when: 'its first item begins, at once unless the start was put off',
  },
  {
    from: 'pending',
    to: 'cancelled',
    fact: 'finished',
    events: ['cancel', 'timer', 'resume', 'intervene'],
    when: 'it is cancelled, or its deadline passes, before anything began',
  },
  {
    from: 'pending',
    to: 'failed',
    fact: 'finished',
    events: ['terminate', 'intervene'],
    when: 'a person ends it before anything began',
  },
  {
    from: 'running',
    to: 'completed',
    fact: 'finished',
    events: ['start', 'reply', 'deadline', 'timer', 'signal', 'resume', 'intervene'],
    when: 'every item is done, and what it went on without is settled',
  },
  {
    from: 'running',
    to: 'compensated',
    fact: 'finished',
    events: ['start', 'reply', 'deadline', 'timer', 'signal', 'resume', 'intervene'],
    when: 'an item failed, and all that could be undone is undone',
  },
  {
    from: 'running',
    to: 'cancelled',
    fact: 'finished',
    events: ['cancel', 'reply', 'deadline', 'timer', 'resume', 'intervene'],
    when: 'it was cancelled, or its deadline passed, and all that could be undone is undone',
  },
  {
    from: 'running',
    to: 'failed',
    fact: 'finished',
    events: ['terminate', 'intervene', 'cancel', 'reply', 'deadline', 'timer', 'signal', 'resume'],
    when: 'a person terminated it, or gave up an undo: effects may be left standing',
  },
];

/** The end aimed at tells the direction. It changes once at most, from `completed`. */
export const DIRECTION_OF_AIM: Readonly<Record<Saga['aim'], Saga['direction']>> = {
  completed: 'forward',
  compensated: 'undo',
  cancelled: 'undo',
};

/** What may still be told of a saga that has ended; its state stays. */
const AFTER_THE_END: ReadonlySet<Fact['type']> = new Set(['lateReply', 'attention', 'intervened']);

/** The states that lead nowhere. */
export const FINAL_STATES: readonly SagaState[] = [...new Set(STATE_CHANGES.map(({ to }) => to))].filter(
  (state) => STATE_CHANGES.every(({ from }) => from !== state),
);

/** Fill colours, the same wherever a state is drawn. */
export const STATE_COLOURS: Readonly<Record<SagaState, string>> = {
  pending: '#e5e7eb',
  running: '#bfdbfe',
  completed: '#bbf7d0',
  failed: '#fecaca',
  compensated: '#ddd6fe',
  cancelled: '#fde68a',
};

/** Why the fact may not lead from that state and aim to this saga; undefined when it may. */
export function illegal(
  state: SagaState,
  aim: Saga['aim'],
  after: Pick<Saga, 'state' | 'aim' | 'direction'>,
  fact: Fact,
): string | undefined {
  if (FINAL.has(state) && !AFTER_THE_END.has(fact.type))
    return `'${fact.type}' cannot follow the end, which is ${state}`;
  if (state !== after.state && !isListed(state, after.state, fact.type))
    return `${state} cannot become ${after.state} by '${fact.type}'`;
  if (fact.type === 'finished' && after.state !== 'failed' && after.state !== after.aim)
    return `what aims at ${after.aim} cannot end ${after.state}`;
  if (aim !== after.aim && aim !== 'completed') return `what aims at ${aim} cannot aim at ${after.aim}`;
  if (after.direction !== DIRECTION_OF_AIM[after.aim])
    return `what aims at ${after.aim} cannot go ${after.direction}`;
  return undefined;
}

const FINAL: ReadonlySet<SagaState> = new Set(FINAL_STATES);

function isListed(from: SagaState, to: SagaState, fact: Fact['type']): boolean {
  return STATE_CHANGES.some((change) => change.from === from && change.to === to && change.fact === fact);
}
