import { findJsonProblem, storableText } from '@counterstep/protocol';
import type { ErrorFacts } from '@counterstep/protocol';
import { advance } from './advance.js';
import { reasonOf } from './errors.js';
import { effectsOf, workerOf } from './effects.js';
import type { Decision, Moment, ReplyEvent, SagaEvent } from './events.js';
import { awaitsStart, isFinished, isHeld, openAttempts } from './saga.js';
import type { Saga } from './saga.js';
import { Transition } from './transition.js';
import type { Step, Workflow } from './workflow.js';

/**
 * The heart: what an event does to a saga. Total, synchronous, pure. Every pair of state and event has a defined result;
 * what is late, foreign or a duplicate is ignored with a reason and never an exception. `saga` is undefined for a start.
 */
export function decide(
  workflow: Workflow,
  saga: Saga | undefined,
  event: SagaEvent,
  moment: Moment,
): Decision {
  if (event.type === 'start') {
    if (saga) return ignored('the saga was started before');
    return start(workflow, event, moment);
  }
  if (!saga) return ignored('no such saga');
  if (isFinished(saga)) return afterTheEnd(saga, event);
  if (isHeld(saga)) return whileHeld(event);
  const transition = new Transition(workflow, saga, saga.sagaId, moment);
  const refusal = HANDLERS[event.type](transition, event as never);
  return refusal ?? concluded(transition, saga, event.type);
}

type Handler<Type extends SagaEvent['type']> = (
  transition: Transition,
  event: Extract<SagaEvent, { type: Type }>,
) => Decision | undefined;

const HANDLERS: { readonly [Type in Exclude<SagaEvent['type'], 'start'>]: Handler<Type> } = {
  reply: onReply,
  deadline: onDeadline,
  timer: onTimer,
  cancel: onCancel,
  quarantine: (transition, event) => {
    transition.add({ type: 'attention', code: event.code, message: event.message, hold: true });
    return undefined;
  },
};

function start(workflow: Workflow, event: Extract<SagaEvent, { type: 'start' }>, moment: Moment): Decision {
  const transition = new Transition(workflow, undefined, event.sagaId, moment);
  const { name, version, digest } = workflow;
  const later = event.startAt !== undefined && event.startAt > moment.now;
  transition.add({
    type: 'started',
    workflow: { name, version, digest },
    input: event.input,
    ...(later && { startAt: event.startAt }),
  });
  if (!later) advance(transition);
  return concluded(transition, undefined, 'start');
}

function onReply(transition: Transition, event: ReplyEvent): Decision | undefined {
  const progress = transition.progress(event.step);
  const attempts = progress?.[event.direction];
  if (!attempts) return ignored(`nothing was asked of ${event.step} ${event.direction}`);
  if (event.run !== attempts.run) return ignored(`run ${event.run} is not the present one, ${attempts.run}`);
  if (event.attempt > attempts.attempt) return ignored(`attempt ${event.attempt} was never sent`);
  if (event.refused) return ignored('the worker refused a command that came after its undo');
  if (attempts.status === 'ended' || attempts.status === 'stuck') return onLateReply(transition, event);

  const step = transition.workflow.step(event.step);
  const reply = checkOutput(step, event);
  // Where the barrier does not keep a rejection for good, an earlier attempt may have done what this one denies.
  const outcome =
    reply.outcome === 'rejected' &&
    event.direction === 'forward' &&
    attempts.uncertain &&
    step.barrier !== 'transaction'
      ? 'unknown'
      : reply.outcome;
  // A definite answer of any attempt is the effect's; any other speaks only for its attempt, and a newer one is out.
  const isDefinite = outcome === 'succeeded' || (outcome === 'rejected' && event.direction === 'forward');
  const isOlder = event.attempt < attempts.attempt && attempts.status === 'running';
  if ((!isDefinite && isOlder) || (outcome === 'failed' && attempts.status === 'waiting'))
    return ignored(`attempt ${event.attempt} is over`);
  transition.add({
    type: 'replied',
    step: event.step,
    direction: event.direction,
    attempt: event.attempt,
    outcome,
    ...(reply.output !== undefined && { output: reply.output }),
    ...(event.undoData !== undefined && { undoData: event.undoData }),
    ...(reply.error && { error: { code: reply.error.code, message: reply.error.message } }),
    ...(event.noop && { noop: true }),
  });
  if (outcome === 'failed') transition.retryOrGiveUp(step, event.direction, reply.error?.retryable ?? true);
  else if (outcome === 'unknown' || (outcome === 'rejected' && event.direction === 'undo'))
    transition.retryOrGiveUp(step, event.direction, false);
  advance(transition);
  return undefined;
}

/** The step was settled before. A success that nobody has begun to undo is kept, so that its undo gets the output. */
function onLateReply(transition: Transition, event: ReplyEvent): Decision | undefined {
  const progress = transition.progress(event.step);
  const knownSuccess = progress?.[event.direction]?.outcome === 'succeeded';
  if (event.direction === 'undo' || event.outcome !== 'succeeded' || knownSuccess || progress?.undo)
    return ignored(`step ${event.step} ${event.direction} was settled before`);
  transition.add({
    type: 'lateSuccess',
    step: event.step,
    ...(event.output !== undefined && { output: event.output }),
    ...(event.undoData !== undefined && { undoData: event.undoData }),
  });
  advance(transition);
  return undefined;
}

function onDeadline(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'deadline' }>,
): Decision | undefined {
  const attempts = transition.progress(event.step)?.[event.direction];
  const isCurrent =
    attempts?.status === 'running' && attempts.run === event.run && attempts.attempt === event.attempt;
  if (!isCurrent) return ignored(`attempt ${event.attempt} of ${event.step} is over`);
  const step = transition.workflow.step(event.step);
  const worker = workerOf(step, event.direction);
  transition.add({
    type: 'timedOut',
    step: event.step,
    direction: event.direction,
    attempt: event.attempt,
    error: { code: 'TIMEOUT', message: `${worker} did not answer attempt ${event.attempt} in time` },
  });
  transition.retryOrGiveUp(step, event.direction, true);
  advance(transition);
  return undefined;
}

function onTimer(transition: Transition): Decision | undefined {
  const { saga, moment } = transition;
  if (awaitsStart(saga) && (saga.startAt ?? 0) <= moment.now) advance(transition);
  const due = openAttempts(saga).filter(
    ({ attempts }) => attempts.status === 'waiting' && (attempts.dueAt ?? 0) <= moment.now,
  );
  const spent = due.filter(({ step, direction }) => transition.isSpent(step, direction));
  for (const { step, direction } of spent) transition.add({ type: 'gaveUp', step, direction });
  // The saga turns, so the others that are due are not sent either.
  if (spent.length > 0) advance(transition);
  else
    for (const { step, direction, attempts } of due)
      transition.send(transition.workflow.step(step), direction, attempts.run, attempts.attempt + 1);
  return transition.facts.length > 0 ? undefined : ignored('nothing is due');
}

function onCancel(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'cancel' }>,
): Decision | undefined {
  const { saga } = transition;
  if (saga.direction === 'undo') return ignored('the saga is being undone already');
  const { actor, reason } = event;
  transition.add({ type: 'cancelRequested', ...(actor && { actor }), ...(reason && { reason }) });
  const cause = { code: 'CANCELLED', message: reason ?? 'cancelled on request' };
  transition.add({ type: 'turned', aim: 'cancelled', cause });
  advance(transition);
  return undefined;
}

/** Nothing is done until a person acts. Who calls `decide` keeps what comes meanwhile. */
function whileHeld(event: SagaEvent): Decision {
  if (event.type !== 'cancel') return ignored('the saga is held for a person');
  return { kind: 'refused', code: 'QUARANTINED', message: 'the saga is held for a person' };
}

/** The end is the end: a request is told so, everything else is only late. */
function afterTheEnd(saga: Saga, event: SagaEvent): Decision {
  if (event.type !== 'cancel') return ignored(`the saga is ${saga.state}`);
  if (saga.state === 'cancelled') return ignored('the saga is cancelled already');
  return {
    kind: 'refused',
    code: 'SAGA_CLOSED',
    message: `the saga is ${saga.state} and cannot be cancelled`,
  };
}

function concluded(transition: Transition, before: Saga | undefined, event: string): Decision {
  const seq = (before?.version ?? 0) + 1;
  const { now } = transition.moment;
  const saga = { ...transition.saga, version: seq, updatedAt: now };
  const record = { seq, at: now, event, facts: transition.facts };
  return { kind: 'applied', saga, record, effects: effectsOf(transition.workflow, saga, record) };
}

type CheckedReply = Pick<ReplyEvent, 'outcome' | 'output'> & {
  readonly error?: (ErrorFacts & { readonly retryable?: boolean | undefined }) | undefined;
};

/** A result that fails the step's schema is a failed attempt: the worker did something, but not what was agreed. */
function checkOutput(step: Step, event: ReplyEvent): CheckedReply {
  if (event.outcome !== 'succeeded' || event.direction === 'undo' || !step.output) return event;
  let problems: readonly { path: string; message: string }[];
  try {
    const parsed = step.output.safeParse(event.output);
    if (parsed.success) {
      // What the schema made of it is kept as it will be read back; what no JSON can hold throws here.
      const text = JSON.stringify(parsed.data) as string | undefined;
      const output: unknown = text === undefined ? undefined : JSON.parse(text);
      const problem = findJsonProblem(parsed.data) ?? findJsonProblem(output);
      if (!problem) return { outcome: 'succeeded', output };
      problems = [problem];
    } else problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  } catch (error) {
    // A refinement that throws, or is async; a value that no JSON can hold.
    problems = [{ path: '', message: `the output schema of ${step.name} failed: ${reasonOf(error)}` }];
  }
  const text = problems.map(({ path, message }) => `${path || '(output)'}: ${message}`).join('; ');
  return {
    outcome: 'failed',
    error: { code: 'OUTPUT_INVALID', message: storableText(text, 2_000), retryable: true },
  };
}

function ignored(reason: string): Decision {
  return { kind: 'ignored', reason };
}
