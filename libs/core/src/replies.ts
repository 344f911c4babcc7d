import { findJsonProblem, storableText } from '@counterstep/protocol';
import type { ErrorFacts } from '@counterstep/protocol';
import { advance } from './advance.js';
import type { Writable } from './draft.js';
import { workerOf } from './effects.js';
import { reasonOf } from './errors.js';
import type { DeadlineEvent, Decision, HeartbeatEvent, ReplyEvent } from './events.js';
import type { Again, Attempts, Fact, StepProgress } from './saga.js';
import type { Transition } from './transition.js';
import type { Step } from './workflow.js';

/* What workers say, and that they say nothing. */

export function onReply(transition: Transition, event: ReplyEvent): Decision | undefined {
  const progress = transition.progress(event.step);
  const attempts = progress?.[event.direction];
  const unasked = notAsked(attempts, event);
  if (unasked) return unasked;
  if (!progress || !attempts) return ignored('nothing was asked');
  if (attempts.status === 'ended' || attempts.status === 'stuck')
    return onLateReply(transition, progress, attempts, event);

  const step = transition.workflow.step(event.step);
  const reply = checkOutput(step, event);
  const outcome = outcomeOf(step, attempts, reply.outcome);
  // A definite answer of any attempt is the effect's; any other speaks only for its attempt, and a newer one is out.
  const isDefinite = outcome === 'succeeded' || outcome === 'rejected';
  const isOlder = event.attempt < attempts.attempt && attempts.status === 'running';
  if ((!isDefinite && isOlder) || (outcome === 'failed' && attempts.status === 'waiting'))
    return ignored(`attempt ${event.attempt} is over`);
  const { step: path, direction, attempt, undoData } = event;
  const fact: Writable<Extract<Fact, { type: 'replied' }>> = {
    type: 'replied',
    step: path,
    direction,
    attempt,
    outcome,
  };
  if (reply.output !== undefined) fact.output = reply.output;
  if (undoData !== undefined) fact.undoData = undoData;
  if (reply.error) fact.error = { code: reply.error.code, message: reply.error.message };
  if (event.noop) fact.noop = true;
  transition.add(fact);
  if (outcome === 'failed') transition.retryOrGiveUp(path, direction, reply.error?.retryable ?? true);
  else if (outcome === 'unknown' || (outcome === 'rejected' && event.direction === 'undo'))
    transition.retryOrGiveUp(path, direction, false);
  advance(transition);
  return undefined;
}

/** Where the barrier does not keep a rejection for good, an earlier attempt may have done what this one denies. */
function outcomeOf(
  step: Step,
  { uncertain }: Attempts,
  outcome: ReplyEvent['outcome'],
): ReplyEvent['outcome'] | 'unknown' {
  const isDoubtful = uncertain && step.barrier !== 'transaction';
  return outcome === 'rejected' && isDoubtful ? 'unknown' : outcome;
}

/** The step was settled before, or waits for a person. What is now known for sure is kept, and acted on. */
function onLateReply(
  transition: Transition,
  progress: StepProgress,
  attempts: Attempts,
  event: ReplyEvent,
): Decision | undefined {
  const { step: path, direction } = event;
  const settledBefore = ignored(`step ${path} ${direction} was settled before`);
  if (direction === 'undo') {
    if (attempts.status !== 'stuck' || event.outcome !== 'succeeded') return settledBefore;
    const { attempt, noop } = event;
    transition.add({
      type: 'replied',
      step: path,
      direction,
      attempt,
      outcome: 'succeeded',
      ...(noop && { noop }),
    });
  } else if (event.outcome === 'succeeded') {
    if (attempts.outcome === 'succeeded' || progress.skipped) return settledBefore;
    const reply = checkOutput(transition.workflow.step(path), event);
    // Who waits for a result is not served by one that breaks the agreement; an undo takes what there is.
    if (reply.outcome !== 'succeeded' && attempts.status === 'stuck')
      return ignored(`the late result of ${path} fails its schema`);
    const output = reply.outcome === 'succeeded' ? reply.output : event.output;
    const again = againOf(progress, event);
    transition.add({
      type: 'lateSuccess',
      step: path,
      ...(again && { again }),
      ...(output !== undefined && { output }),
      ...(event.undoData !== undefined && { undoData: event.undoData }),
    });
  } else {
    const step = transition.workflow.step(path);
    const isOpen = attempts.outcome === 'failed' || attempts.outcome === 'unknown';
    const isNews = event.outcome === 'rejected' && isOpen && !progress.undo && !progress.skipped;
    if (!isNews || outcomeOf(step, attempts, event.outcome) !== 'rejected') return settledBefore;
    const { code, message } = event.error ?? { code: 'REJECTED', message: `${path} was rejected` };
    transition.add({ type: 'lateRejection', step: path, error: { code, message } });
  }
  advance(transition);
  return undefined;
}

/** Whether the undo that was sent before this success can have undone it. */
function againOf({ undo }: StepProgress, { late }: ReplyEvent): Again | undefined {
  if (!undo) return undefined;
  // A person gave it up: the effect is left, whatever becomes known of it.
  if (undo.status === 'ended' && undo.outcome !== 'succeeded') return undefined;
  if (late) return 'always';
  return undo.status === 'ended' && !undo.noop ? undefined : 'ifNoop';
}

/** The saga has ended: what is news is kept, and if an effect may stand that nobody undoes, a person is told. */
export function onReplyAfterTheEnd(transition: Transition, event: ReplyEvent): Decision | undefined {
  const { saga, workflow } = transition;
  const { step: path, direction, run, attempt, outcome } = event;
  const progress = transition.progress(path);
  const attempts = progress?.[direction];
  const unasked = notAsked(attempts, event);
  if (unasked) return unasked;
  if (!progress || !attempts) return ignored('nothing was asked');
  const isDefinite = outcome === 'succeeded' || (outcome === 'rejected' && direction === 'forward');
  const isKnown =
    attempts.outcome === 'succeeded' ||
    attempts.outcome === 'rejected' ||
    progress.skipped ||
    (outcome === 'rejected' && progress.undo);
  const isNews = isDefinite && !isKnown && outcomeOf(workflow.step(path), attempts, outcome) === outcome;
  if (!isNews) return ignored(`the saga is ${saga.state}`);
  transition.add({
    type: 'lateReply',
    step: path,
    direction,
    run,
    attempt,
    outcome,
    ...(event.output !== undefined && { output: event.output }),
    ...(event.undoData !== undefined && { undoData: event.undoData }),
    ...(event.error && { error: { code: event.error.code, message: event.error.message } }),
  });
  const stands = direction === 'forward' && outcome === 'succeeded' && !workflow.step(path).readOnly;
  const { undo, lost } = progress;
  const isUndone = undo?.status === 'ended' && undo.outcome === 'succeeded' && !undo.noop && !event.late;
  const isMeant = saga.state === 'completed' && lost === 'keep';
  if (stands && !isUndone && !isMeant) {
    const message = `${path} succeeded after the saga had ended ${saga.state}; its effect may stand`;
    transition.askPerson('LATE_EFFECT', message, path, 'forward');
  }
  return undefined;
}

/** A sign of life with undo data: kept for the undo, and the attempt's time counts anew. */
export function onHeartbeat(transition: Transition, event: HeartbeatEvent): Decision | undefined {
  const { step: path, direction, attempt, undoData } = event;
  const progress = transition.progress(path);
  const attempts = progress?.[direction];
  const unasked = notAsked(attempts, event);
  if (unasked) return unasked;
  if (!progress || !attempts) return ignored('nothing was asked');
  const isOut = attempts.status === 'running' || attempts.status === 'waiting';
  // Given up, but not undone yet: its handler may still be at work, and this is what the undo can go by.
  const isOpen = attempts.outcome === 'failed' || attempts.outcome === 'unknown';
  const isLate = direction === 'forward' && isOpen && !progress.undo && !progress.skipped;
  if (!isOut && !isLate) return ignored(`attempt ${attempt} of ${path} is over`);
  const step = transition.workflow.step(path);
  const left = transition.timeLeft(step, direction, attempts) ?? Infinity;
  const timeout = Math.max(1, Math.min(step.attemptTimeout, left));
  transition.add({ type: 'heartbeat', step: path, direction, attempt, undoData, timeout });
  return undefined;
}

export function onDeadline(transition: Transition, event: DeadlineEvent): Decision | undefined {
  const { step: path, direction, attempt } = event;
  const attempts = transition.progress(path)?.[direction];
  const isCurrent =
    attempts?.status === 'running' && attempts.run === event.run && attempts.attempt === attempt;
  if (!isCurrent) return ignored(`attempt ${attempt} of ${path} is over`);
  if (transition.saga.paused) return ignored('the saga is paused');
  const step = transition.workflow.step(path);
  const worker = workerOf(step, direction);
  const error = event.notPickedUp
    ? { code: 'NOT_PICKED_UP', message: `no worker took ${worker} from queue ${step.queue}` }
    : { code: 'TIMEOUT', message: `${worker} did not answer attempt ${attempt} in time` };
  transition.add({ type: 'timedOut', step: path, direction, attempt, error });
  transition.retryOrGiveUp(path, direction, true);
  advance(transition);
  return undefined;
}

/** Why the event cannot concern the attempts that the step has made; undefined when it may. */
function notAsked(attempts: Attempts | undefined, event: ReplyEvent | HeartbeatEvent): Decision | undefined {
  const { step, direction, run, attempt } = event;
  if (!attempts) return ignored(`nothing was asked of ${step} ${direction}`);
  if (run !== attempts.run) return ignored(`run ${run} is not the present one, ${attempts.run}`);
  if (attempt > attempts.attempt) return ignored(`attempt ${attempt} was never sent`);
  if (event.type === 'reply' && event.refused)
    return ignored('the worker refused a command that came after its undo');
  return undefined;
}

export type CheckedReply = Pick<ReplyEvent, 'outcome' | 'output'> & {
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

export function ignored(reason: string): Extract<Decision, { kind: 'ignored' }> {
  return { kind: 'ignored', reason };
}
