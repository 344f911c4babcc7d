import type { Direction, Phase, SagaState } from '@counterstep/protocol';
import { pivotCourse } from './course.js';
import { inWords, listed, times } from './words.js';
import { attemptReasons, due } from './explain-attempts.js';
import type { AttemptReason, When } from './explain-attempts.js';
import type { Cause, Verb } from './facts.js';
import { interventionsOf } from './operator.js';
import type { Intervention } from './operator.js';
import { undoPreview } from './preview.js';
import { awaitsStart, isFinished, isHeld, isLive, openWaits, phaseOf } from './saga.js';
import type { Saga } from './saga.js';
import { standingEffects } from './standing.js';
import { placesOf } from './tree.js';
import type { Workflow } from './workflow.js';

/** Why a saga is where it is, for people and for programs. Times are ISO 8601. */
export interface Explanation {
  readonly sagaId: string;
  readonly state: SagaState;
  readonly phase: Phase;
  /** The first reasons, in one sentence. */
  readonly text: string;
  /** Everything that it waits for, what a person must do first. Never empty. */
  readonly reasons: readonly Reason[];
}

/** Each with a sentence of its own. */
export type Reason = { readonly text: string } & (
  | { readonly kind: 'ended'; readonly cause: Cause | null; readonly standing: readonly string[] }
  | { readonly kind: 'paused' }
  | {
      readonly kind: 'attention';
      readonly code: string;
      readonly step: string | null;
      readonly direction: Direction | null;
      readonly since: string;
      readonly verbs: readonly (Verb | 'terminate')[];
    }
  | { readonly kind: 'undoing'; readonly aim: Saga['aim']; readonly cause: Cause | null }
  | { readonly kind: 'pivotDecides'; readonly pivot: string | null; readonly cause: Cause }
  | { readonly kind: 'startsAt'; readonly dueAt: string }
  | { readonly kind: 'stalled'; readonly step: string; readonly tries: number; readonly dueAt: string }
  | {
      readonly kind: 'signal';
      readonly step: string;
      readonly signal: string;
      readonly approval: boolean;
      readonly until: string;
    }
  | { readonly kind: 'sleep'; readonly step: string; readonly until: string }
  | AttemptReason
  | { readonly kind: 'deadline'; readonly dueAt: string }
  /** Promise 6 is broken. */
  | { readonly kind: 'hangs' }
);

/** How many reasons the one sentence has. */
const MOST_IN_TEXT = 3;

/** `now`: milliseconds since the epoch. Without the definition it names no workers and knows no limits. */
export function explain(saga: Saga, workflow: Workflow | undefined, now: number): Explanation {
  const { sagaId, state } = saga;
  const reasons = [...(isFinished(saga) ? [ended(saga, workflow)] : []), ...waits(saga, workflow, now)];
  const more = reasons.length - MOST_IN_TEXT;
  const texts = reasons.slice(0, MOST_IN_TEXT).map(({ text }) => text);
  if (more > 0) texts.push(`${more} more ${more === 1 ? 'reason' : 'reasons'}`);
  return { sagaId, state, phase: phaseOf(saga), text: texts.join('; '), reasons };
}

function waits(saga: Saga, workflow: Workflow | undefined, now: number): Reason[] {
  const asked = interventionsOf(saga, workflow).map((item) => attention(item, now));
  if (isFinished(saga)) return asked;
  const when = clauseOf(saga, now);
  return [
    ...(saga.paused ? [paused()] : []),
    ...asked,
    ...(saga.direction === 'undo' ? [undoing(saga, workflow)] : []),
    ...(saga.cancelWanted ? [pivotDecides(saga.cancelWanted, workflow)] : []),
    ...starts(saga, when),
    ...stalls(saga, when),
    ...signalsAndSleeps(saga, workflow, when),
    ...attemptReasons(saga, workflow, now, when),
    ...deadline(saga, workflow, when),
    ...(isLive(saga) ? [] : [hangs()]),
  ];
}

function clauseOf(saga: Saga, now: number): When {
  const held = isHeld(saga) ? 'when a person releases it' : saga.paused ? 'when it is resumed' : undefined;
  return (time) => {
    if (time > now) return `in ${inWords(time - now)}`;
    return held ?? (time === now ? 'now' : `${inWords(now - time)} ago`);
  };
}

function ended(saga: Saga, workflow: Workflow | undefined): Reason {
  const cause = saga.cause ?? null;
  const standing = saga.state !== 'completed' && workflow ? standingEffects(saga, workflow) : [];
  const stays = standing.length > 0 ? `; the effects of ${listed(standing)} may stand` : '';
  return { kind: 'ended', cause, standing, text: `it ended ${saga.state}${endedBecause(saga)}${stays}` };
}

function endedBecause({ state, gaveUp, cause }: Saga): string {
  if (state === 'completed') return '';
  const first = cause ? becauseOf(cause) : undefined;
  if (state !== 'failed') return first === undefined ? '' : ` because ${first}`;
  const who = gaveUp ? 'a person gave up an undo' : 'a person ended it without undo';
  return ` because ${who}${first === undefined ? '' : `; at first, ${first}`}`;
}

function becauseOf({ step, code, message }: Cause): string {
  return step === undefined ? `${message} (${code})` : `${step} ended with ${code}: ${message}`;
}

function paused(): Reason {
  return { kind: 'paused', text: 'it is paused: answers are taken, and nothing is sent until it is resumed' };
}

function attention(
  { code, message, step, direction, since, hold, verbs }: Intervention,
  now: number,
): Reason {
  const allowed: (Verb | 'terminate')[] = hold ? [...verbs, 'terminate'] : [...verbs];
  const what = hold ? 'it has been held for a person' : 'a person has been asked';
  return {
    kind: 'attention',
    code,
    step: step ?? null,
    direction: direction ?? null,
    since: isoTime(since),
    verbs: allowed,
    text: `${what} for ${inWords(now - since)} (${code}): ${message}; allowed: ${allowed.join(', ')}`,
  };
}

function undoing(saga: Saga, workflow: Workflow | undefined): Reason {
  const { aim, cause } = saga;
  const why = cause ? `, because ${becauseOf(cause)}` : '';
  const left = workflow ? `; ${undoPreview(saga, workflow).text}` : '';
  return {
    kind: 'undoing',
    aim,
    cause: cause ?? null,
    text: `it is being undone, to end ${saga.gaveUp ? 'failed' : aim}${why}${left}`,
  };
}

function pivotDecides(cause: Cause, workflow: Workflow | undefined): Reason {
  const pivot = workflow?.pivot;
  const text = `it is to be undone, as ${becauseOf(cause)}, but the answer of ${pivot ?? 'the pivot'} decides`;
  return { kind: 'pivotDecides', pivot: pivot ?? null, cause, text };
}

function starts(saga: Saga, when: When): Reason[] {
  if (!awaitsStart(saga) || saga.startAt === undefined) return [];
  const dueAt = isoTime(saga.startAt);
  return [{ kind: 'startsAt', dueAt, text: `it is to start at ${dueAt} (${when(saga.startAt)})` }];
}

/** One that is not called again has an attention item. */
function stalls(saga: Saga, when: When): Reason[] {
  return (saga.stalls ?? []).flatMap(({ step, tries, dueAt }): Reason[] => {
    if (dueAt === undefined) return [];
    const text = `the definition's code for ${step} failed ${times(tries)}, and its next call ${due(when(dueAt))}`;
    return [{ kind: 'stalled', step, tries, dueAt: isoTime(dueAt), text }];
  });
}

function signalsAndSleeps(saga: Saga, workflow: Workflow | undefined, when: When): Reason[] {
  return openWaits(saga).map(({ path: step, signal, until: time }): Reason => {
    const until = isoTime(time);
    if (signal === undefined)
      return { kind: 'sleep', step, until, text: `${step} sleeps until ${until} (${when(time)})` };
    const wait = workflow && placesOf(workflow, step)?.at(-1)?.member;
    const approval = wait?.kind === 'signal' && wait.approval;
    const then =
      wait?.kind !== 'signal' ? '' : wait.onTimeout === 'continue' ? ', then goes on' : ', then fails';
    const text = `${step} waits for ${approval ? 'approval' : 'signal'} '${signal}' until ${until} (${when(time)})${then}`;
    return { kind: 'signal', step, signal, approval, until, text };
  });
}

function deadline(saga: Saga, workflow: Workflow | undefined, when: When): Reason[] {
  if (saga.deadline === undefined) return [];
  const dueAt = isoTime(saga.deadline);
  const isPast = workflow !== undefined && pivotCourse(saga, workflow) === 'past';
  const then = isPast ? 'after that it is overdue, but goes on' : 'after that it is undone';
  return [{ kind: 'deadline', dueAt, text: `it has time until ${dueAt} (${when(saga.deadline)}); ${then}` }];
}

function hangs(): Reason {
  return {
    kind: 'hangs',
    text: 'nothing will move it, and nobody was asked: this is a defect of the orchestrator',
  };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
