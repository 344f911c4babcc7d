import type { BarrierMode, Direction } from '@counterstep/protocol';

/** Something that may be waited for: the step's undo was sent, or is over; the saga has ended. */
export type Moment = 'undoSent' | 'undoEnded' | 'sagaEnded';

/** How one attempt goes, where it goes otherwise than well. */
export interface Behaviour {
  /** The command is never taken from its queue, or lies there until then. */
  readonly taken?: 'never' | Moment;
  /** The command is delivered once more: after the first was done, while it is done, or then. */
  readonly again?: 'after' | 'beside' | Moment;
  /** `fails`: trying again may help; `breaks`: it will not; `lies`: it answers what its output schema refuses. */
  readonly handler?: 'rejects' | 'fails' | 'breaks' | 'lies';
  /** It fails after its effect was done. In a transaction there is no such thing. */
  readonly isDone?: true;
  /** The worker dies before its effect, or after it and before its reply, and comes back. */
  readonly dies?: { readonly when: 'before' | 'after'; readonly back: 'soon' | 'never' | Moment };
  /** The handler does its effect only then. */
  readonly slow?: Moment;
  readonly reply?: 'never' | 'twice' | Moment;
  /** A copy of the reply comes then. */
  readonly replyAgain?: Moment;
}

export interface Fault {
  /** `what` is `charge`, or `the undo of charge`. */
  readonly words: (what: string) => string;
  /** How the attempts go, from the first; `rest`: those after them. */
  readonly attempts: readonly Behaviour[];
  readonly rest?: Behaviour;
  /** The barrier modes that know it; all when absent. */
  readonly modes?: readonly BarrierMode[];
  /** Only of a step whose definition has an output schema. */
  readonly needsSchema?: true;
}

const NEVER: Behaviour = { taken: 'never' };
/** Where the effect is not part of a transaction. */
const OUTSIDE: readonly BarrierMode[] = ['external', 'none'];

/** Every reply is lost, though the effect is done: the step is undone as one that nobody knows the end of. */
export const UNANSWERED: Fault = {
  words: (what) => `every reply of ${what} is lost, its effect done`,
  attempts: [],
  rest: { reply: 'never' },
};

const IN_EITHER_DIRECTION: readonly Fault[] = [
  { words: (what) => `${what} is rejected`, attempts: [{ handler: 'rejects' }] },
  { words: (what) => `${what} fails once`, attempts: [{ handler: 'fails' }] },
  { words: (what) => `every attempt at ${what} fails`, attempts: [], rest: { handler: 'fails' } },
  {
    words: (what) => `${what} fails once, though its effect is done`,
    attempts: [{ handler: 'fails', isDone: true }],
    modes: OUTSIDE,
  },
  {
    words: (what) => `every attempt at ${what} fails, though its effect is done`,
    attempts: [],
    rest: { handler: 'fails', isDone: true },
    modes: OUTSIDE,
  },
  { words: (what) => `${what} fails in a way that no retry can mend`, attempts: [{ handler: 'breaks' }] },
  {
    words: (what) => `${what} fails, and is rejected when it is tried again`,
    attempts: [{ handler: 'fails' }],
    rest: { handler: 'rejects' },
  },
  {
    words: (what) => `${what} fails though its effect is done, and is rejected when it is tried again`,
    attempts: [{ handler: 'fails', isDone: true }],
    rest: { handler: 'rejects' },
    modes: OUTSIDE,
  },
  { words: (what) => `the first command of ${what} is not taken in time`, attempts: [NEVER] },
  { words: (what) => `no command of ${what} is taken in time`, attempts: [], rest: NEVER },
  { words: (what) => `the first reply of ${what} is lost, its effect done`, attempts: [{ reply: 'never' }] },
  UNANSWERED,
  {
    words: (what) => `the worker dies before the effect of ${what}, and comes back`,
    attempts: [{ dies: { when: 'before', back: 'soon' } }],
  },
  {
    words: (what) => `the worker dies after the effect of ${what} and before its reply, and comes back`,
    attempts: [{ dies: { when: 'after', back: 'soon' } }],
  },
  {
    words: (what) => `the worker dies after the effect of ${what} and before its reply, for good`,
    attempts: [{ dies: { when: 'after', back: 'never' } }],
    rest: NEVER,
  },
  { words: (what) => `the reply of ${what} comes twice`, attempts: [{ reply: 'twice' }] },
  {
    words: (what) => `the reply of ${what} comes again after the end`,
    attempts: [{ replyAgain: 'sagaEnded' }],
  },
  {
    words: (what) => `the command of ${what} comes twice, one after the other`,
    attempts: [{ again: 'after' }],
  },
  {
    words: (what) => `the command of ${what} comes twice, at the same time`,
    attempts: [{ again: 'beside' }],
  },
  { words: (what) => `the command of ${what} comes again after the end`, attempts: [{ again: 'sagaEnded' }] },
];

const WHEN: readonly (readonly [Moment, string])[] = [
  ['undoSent', 'after its undo was sent'],
  ['undoEnded', 'after its undo'],
  ['sagaEnded', 'after the saga has ended'],
];

const FORWARD_ONLY: readonly Fault[] = [
  {
    words: (what) => `${what} answers what its output schema refuses`,
    attempts: [],
    rest: { handler: 'lies' },
    needsSchema: true,
  },
  ...WHEN.flatMap(([moment, when]): Fault[] => [
    {
      words: (what) => `the command of ${what} is taken only ${when}`,
      attempts: [{ taken: moment }],
      rest: NEVER,
    },
    {
      words: (what) => `the reply of ${what} comes only ${when}`,
      attempts: [{ reply: moment }],
      rest: NEVER,
    },
    {
      words: (what) => `the worker dies after the effect of ${what} and comes back only ${when}`,
      attempts: [{ dies: { when: 'after', back: moment } }],
      rest: NEVER,
    },
    {
      words: (what) => `${what} is begun in time, and has its effect only ${when}`,
      attempts: [{ slow: moment }],
      rest: NEVER,
      modes: OUTSIDE,
    },
  ]),
  {
    words: (what) => `the command of ${what} comes again after its undo`,
    attempts: [{ reply: 'never', again: 'undoEnded' }],
    rest: NEVER,
  },
];

const ALL: readonly Fault[] = [...IN_EITHER_DIRECTION, ...FORWARD_ONLY];

/** The plainer a fault, the lower. */
export function rankOf(fault: Fault): number {
  return ALL.indexOf(fault);
}

/** Everything that may go wrong with a step in that direction, one thing at a time. */
export function faultsOf(direction: Direction, mode: BarrierMode, hasSchema: boolean): Fault[] {
  const all = direction === 'forward' ? ALL : IN_EITHER_DIRECTION;
  return all.filter(
    ({ modes, needsSchema }) => (modes?.includes(mode) ?? true) && (!needsSchema || hasSchema),
  );
}
