import { findJsonProblem } from '@counterstep/protocol';
import { advance } from './advance.js';
import { courseOfSequence, pivotCourse } from './course.js';
import type { Decision, InterveneEvent, SagaEvent } from './events.js';
import type { Asked, Cause, Verb } from './facts.js';
import { causeOf, turn } from './failure.js';
import { ignored } from './replies.js';
import { isFinished } from './saga.js';
import type { AttentionItem, Saga } from './saga.js';
import { standingEffects } from './standing.js';
import type { Transition } from './transition.js';
import type { Workflow } from './workflow.js';

/* What people ask for. */

export function onCancel(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'cancel' }>,
): Decision | undefined {
  const cause = { code: 'CANCELLED', message: event.reason ?? 'cancelled on request' };
  return abandon(transition, cause, askedBy(event));
}

/** Undoes the saga on request, or because its time is over; while the pivot is out, its answer decides. */
function abandon(transition: Transition, cause: Cause, asked: Asked): Decision | undefined {
  const { saga, workflow } = transition;
  if (saga.direction === 'undo') return ignored('the saga is being undone already');
  const pivot = pivotCourse(saga, workflow);
  if (pivot === 'past')
    return refused(
      'PAST_PIVOT',
      `${workflow.pivot ?? 'the pivot'} is done, so the saga can only be finished`,
    );
  if (saga.cancelWanted) return ignored('it was asked for already, and waits for the answer of the pivot');
  if (pivot === 'out') {
    transition.add({ type: 'cancelRequested', ...asked, waits: cause });
    return undefined;
  }
  transition.add({ type: 'cancelRequested', ...asked });
  turn(transition, 'cancelled', cause);
  advance(transition);
  return undefined;
}

export function onTerminate(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'terminate' }>,
): Decision | undefined {
  end(transition, askedBy(event));
  return undefined;
}

export function onPause(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'pause' }>,
): Decision | undefined {
  if (transition.saga.paused) return ignored('the saga is paused already');
  transition.add({ type: 'paused', ...askedBy(event) });
  return undefined;
}

export function onResume(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'resume' }>,
): Decision | undefined {
  if (!transition.saga.paused) return ignored('the saga is not paused');
  transition.add({ type: 'resumed', ...askedBy(event) });
  goOn(transition);
  return undefined;
}

/** After it stood still: when its time ran out meanwhile, nothing new is sent. What was done or had failed before counts first. */
function goOn(transition: Transition): void {
  const { saga, workflow, moment } = transition;
  const isOverdue = !saga.paused && (saga.deadline ?? Infinity) <= moment.now;
  const isDecided = ['done', 'failed'].includes(courseOfSequence(saga, workflow, ''));
  if (isOverdue && !isDecided) runOut(transition);
  advance(transition);
}

/** The saga's time is over: as if cancelled, but past the pivot it is only noted. */
export function runOut(transition: Transition): void {
  if (pivotCourse(transition.saga, transition.workflow) === 'past') {
    transition.add({ type: 'overdue' });
    return;
  }
  const message = 'the saga was not done by its deadline';
  abandon(transition, { code: 'DEADLINE', message }, {});
}

/** An item of the intervention inbox, and what a person may do about it. */
export interface Intervention extends AttentionItem {
  readonly verbs: readonly Verb[];
}

/** What a person is asked for, with the verbs that the state allows. */
export function interventionsOf(saga: Saga, workflow: Workflow | undefined): Intervention[] {
  return saga.attention.map((item) => ({ ...item, verbs: verbsFor(saga, workflow, item) }));
}

function verbsFor(saga: Saga, workflow: Workflow | undefined, item: AttentionItem): Verb[] {
  if (item.hold) return ['release'];
  if (isFinished(saga)) return ['resolve', 'giveUp'];
  if (item.direction === 'undo') return ['retry', 'resolve', 'giveUp'];
  if (item.code === 'DEFINITION_ERROR') return ['retry', 'giveUp'];
  const progress = saga.steps[item.step ?? ''];
  const canTurn = workflow !== undefined && pivotCourse(saga, workflow) === 'before';
  const verbs: Verb[] = ['skip', ...(canTurn ? ['undo' as const] : []), 'giveUp'];
  if (progress?.forward) return ['retry', 'resolve', ...verbs];
  return progress?.kind === 'signal' ? ['retry', ...verbs] : verbs;
}

export function onIntervene(transition: Transition, event: InterveneEvent): Decision | undefined {
  const { saga, workflow } = transition;
  const item = itemFor(saga, event);
  if ('kind' in item) return item;
  const allowed = verbsFor(saga, workflow, item);
  const { verb } = event;
  if (!allowed.includes(verb))
    return refused('NOT_ALLOWED', `${item.code} allows ${allowed.join(', ')}, not ${verb}`, allowed);
  if (verb === 'resolve' && !event.evidence)
    return refused('EVIDENCE_MISSING', 'resolve says how one knows: give evidence', allowed);
  const unstorable = findJsonProblem([event.input ?? null, event.output ?? null]);
  if (unstorable) return refused('INPUT_INVALID', unstorable.message, allowed);
  const { step, direction = 'forward' } = item;
  if (verb === 'retry' && saga.paused)
    return refused('SAGA_PAUSED', 'nothing is sent while the saga is paused: resume it first', ['resume']);
  const attempts = step === undefined ? undefined : saga.steps[step]?.[direction];
  const isFixed = direction === 'forward' && attempts?.outcome !== 'rejected';
  if (verb === 'retry' && event.input !== undefined && isFixed)
    return refused(
      'INPUT_FIXED',
      `the effect of ${step ?? 'the step'} may stand with the input that it was given: retry it without another`,
      allowed,
    );
  const cause = step === undefined ? undefined : causeOf(transition, step);
  transition.add({
    type: 'intervened',
    verb,
    ...(step !== undefined && { step, direction }),
    ...askedBy(event),
    ...(event.input !== undefined && { input: event.input }),
    ...(event.output !== undefined && { output: event.output }),
    ...(event.outcome && { outcome: event.outcome }),
    ...(event.evidence !== undefined && { evidence: event.evidence }),
  });
  if (isFinished(saga)) return undefined;
  if (verb === 'giveUp' && direction === 'forward') {
    end(transition, askedBy(event));
    return undefined;
  }
  if (verb === 'undo' && cause) turn(transition, 'compensated', cause);
  if (verb === 'retry' && step !== undefined) retry(transition, step, direction, event);
  if (verb === 'release') goOn(transition);
  else advance(transition);
  return undefined;
}

function retry(
  transition: Transition,
  path: string,
  direction: 'forward' | 'undo',
  { input }: InterveneEvent,
): void {
  const progress = transition.progress(path);
  const attempts = progress?.[direction];
  if (attempts) {
    // The barrier keeps a rejection, so that under the same key there would be no other answer.
    const isNew = attempts.outcome === 'rejected';
    const edited = isNew && direction === 'forward' && input !== undefined ? { value: input } : undefined;
    if (isNew) transition.send(path, direction, attempts.run + 1, 1, edited);
    else transition.send(path, direction, attempts.run, attempts.attempt + 1);
    return;
  }
  const member = progress && transition.workflow.member(path);
  if (member?.kind !== 'signal') return;
  const { stage } = progress as { stage: readonly number[] };
  const until = transition.moment.now + member.timeout;
  const { signal } = member;
  transition.add({ type: 'entered', step: path, stage, taken: true, kind: 'signal', signal, until });
}

/** The item that is meant, or why none is. */
function itemFor(saga: Saga, event: InterveneEvent): AttentionItem | Extract<Decision, { kind: 'refused' }> {
  const { verb, step, direction } = event;
  const items = saga.attention.filter(
    (item) =>
      (verb === 'release') === (item.hold === true) &&
      (step === undefined || item.step === step) &&
      (direction === undefined || (item.direction ?? 'forward') === direction),
  );
  const [only] = items;
  if (!only) {
    const waits = saga.attention.map((item) => item.step ?? item.code);
    const told = waits.length > 0 ? `; what waits is ${waits.join(', ')}` : '';
    return refused('NOTHING_WAITS', `nothing like that waits for a person${told}`, waits);
  }
  if (items.length > 1 && verb !== 'release')
    return refused(
      'AMBIGUOUS',
      'more than one item waits for a person: name the step, and its direction',
      items.map((item) => `${item.step ?? item.code} ${item.direction ?? 'forward'}`),
    );
  return only;
}

/** Nothing is done until a person acts. Who calls `decide` keeps what comes meanwhile. */
export function whileHeld(transition: Transition, event: SagaEvent): Decision | undefined {
  if (event.type === 'terminate') return onTerminate(transition, event);
  if (event.type === 'intervene' && event.verb === 'release') return onIntervene(transition, event);
  if (isRequest(event))
    return refused('QUARANTINED', 'the saga is held for a person', ['release', 'terminate']);
  return ignored('the saga is held for a person');
}

/** The end is the end: a request is told so, everything else is only late. */
export function afterTheEnd(transition: Transition, event: SagaEvent): Decision | undefined {
  const { saga } = transition;
  if (event.type === 'intervene' && saga.attention.length > 0) return onIntervene(transition, event);
  if (event.type === 'cancel' && saga.state === 'cancelled') return ignored('the saga is cancelled already');
  if (!isRequest(event)) return ignored(`the saga is ${saga.state}`);
  return refused('SAGA_CLOSED', `the saga is ${saga.state}: ${event.type} comes too late`);
}

function isRequest({ type }: SagaEvent): boolean {
  return ['cancel', 'terminate', 'pause', 'resume', 'signal', 'intervene'].includes(type);
}

/** Ends the saga as it is: somebody decided that its effects stay. */
function end(transition: Transition, asked: Asked): void {
  const { saga, workflow } = transition;
  // Whoever ends a saga by force may lack its definition.
  const known = workflow.digest === saga.workflow.digest ? workflow : undefined;
  const standing = standingEffects(saga, known);
  transition.add({ type: 'terminated', standing, ...asked });
  transition.add({ type: 'finished', state: 'failed' });
}

function askedBy({ actor, reason }: Asked): Asked {
  return { ...(actor !== undefined && { actor }), ...(reason !== undefined && { reason }) };
}

function refused(
  code: string,
  message: string,
  allowed?: readonly string[],
): Extract<Decision, { kind: 'refused' }> {
  return { kind: 'refused', code, message, ...(allowed && { allowed }) };
}
