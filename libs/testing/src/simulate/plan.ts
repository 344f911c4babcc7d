import type { Direction } from '@counterstep/protocol';
import { deed } from '../words.js';
import type { Behaviour, Fault } from './faults.js';

/** What happens to a wait otherwise than that its signal comes in time and says yes. */
export type SignalFault = 'timesOut' | 'rejects' | 'early' | 'twice';

export const SIGNAL_WORDS: Readonly<Record<SignalFault, (path: string) => string>> = {
  timesOut: (path) => `nobody signals ${path}`,
  rejects: (path) => `${path} is not approved`,
  early: (path) => `the signal of ${path} comes before it is waited for`,
  twice: (path) => `the signal of ${path} comes twice`,
};

/** `isOverdue`: by its deadline, which is reached then, and not on request. */
type Cancel = ({ readonly after: number } | { readonly whenDone: string }) & { readonly isOverdue?: true };

/** What goes wrong in one run. */
export interface Plan {
  readonly faults: readonly { readonly path: string; readonly direction: Direction; readonly fault: Fault }[];
  readonly signals?: Readonly<Record<string, SignalFault>>;
  /** The saga is cancelled after so many decisions, or as soon as that step has succeeded. */
  readonly cancel?: Cancel;
  /** Who is asked about a failure has the saga undone, where that is allowed, and does not try again. */
  readonly person?: 'undoes';
}

export const NOTHING_WRONG: Plan = { faults: [] };

export function planInWords(
  { faults, signals = {}, cancel, person }: Plan,
  assumptions: readonly string[],
): string {
  const words = [
    ...faults.map(({ path, direction, fault }) => fault.words(deed(path, direction))),
    ...Object.entries(signals).map(([path, fault]) => SIGNAL_WORDS[fault](path)),
    ...(cancel ? [cancelInWords(cancel)] : []),
  ];
  if (person) words.push('the person who is asked has it undone');
  const happening = words.length > 0 ? words.join(', and ') : 'nothing goes wrong';
  return assumptions.length > 0 ? `${happening} (${assumptions.join(', ')})` : happening;
}

function cancelInWords(cancel: Cancel): string {
  const what = cancel.isOverdue ? 'the time of the saga is over' : 'the saga is cancelled';
  if ('whenDone' in cancel) return `${what} as soon as ${cancel.whenDone} is done`;
  return `${what} after ${cancel.after === 1 ? 'its start' : `history row ${cancel.after}`}`;
}

/** Two plans in one; undefined when both say something about the same. */
export function both(a: Plan, b: Plan): Plan | undefined {
  const isSame = a.faults.some((one) =>
    b.faults.some((other) => one.path === other.path && one.direction === other.direction),
  );
  const isTwice = Object.keys(a.signals ?? {}).some((path) => b.signals?.[path] !== undefined);
  if (isSame || isTwice || (a.cancel && b.cancel)) return undefined;
  const cancel = a.cancel ?? b.cancel;
  return {
    faults: [...a.faults, ...b.faults],
    signals: { ...a.signals, ...b.signals },
    ...(cancel && { cancel }),
    ...((a.person ?? b.person) && { person: 'undoes' }),
  };
}

/** How this attempt goes; a person who asks for more attempts than the policy makes is served well. */
export function behaviourOf(
  plan: Plan,
  { step, direction, run, attempt }: { step: string; direction: Direction; run: number; attempt: number },
  attemptsOfPolicy: number,
): Behaviour {
  const found = plan.faults.find((fault) => fault.path === step && fault.direction === direction);
  if (!found || run > 1 || attempt > attemptsOfPolicy) return {};
  return found.fault.attempts[attempt - 1] ?? found.fault.rest ?? {};
}
