import { advance } from './advance.js';
import type { Writable } from './draft.js';
import { effectsOf } from './effects.js';
import type { Decision, Moment, SagaEvent } from './events.js';
import {
  afterTheEnd,
  onCancel,
  onIntervene,
  onPause,
  onResume,
  onTerminate,
  runOut,
  whileHeld,
} from './operator.js';
import { ignored, onDeadline, onHeartbeat, onReply, onReplyAfterTheEnd } from './replies.js';
import { awaitsStart, isFinished, isHeld, openAttempts, openWaits } from './saga.js';
import type { Fact, Saga } from './saga.js';
import { endWait, refusalOf } from './signals.js';
import { Transition } from './transition.js';
import type { Workflow } from './workflow.js';

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
  const transition = new Transition(workflow, saga, saga.sagaId, moment);
  const verdict = answer(transition, event);
  return verdict ?? concluded(transition, event.type);
}

/** Adds the facts that the event makes; what it gives instead of facts is the decision. */
function answer(transition: Transition, event: Exclude<SagaEvent, { type: 'start' }>): Decision | undefined {
  const { saga } = transition;
  if (isFinished(saga))
    return event.type === 'reply' ? onReplyAfterTheEnd(transition, event) : afterTheEnd(transition, event);
  if (isHeld(saga)) return whileHeld(transition, event);
  return HANDLERS[event.type](transition, event as never);
}

type Handler<Type extends SagaEvent['type']> = (
  transition: Transition,
  event: Extract<SagaEvent, { type: Type }>,
) => Decision | undefined;

const HANDLERS: { readonly [Type in Exclude<SagaEvent['type'], 'start'>]: Handler<Type> } = {
  reply: onReply,
  heartbeat: onHeartbeat,
  deadline: onDeadline,
  timer: onTimer,
  signal: onSignal,
  cancel: onCancel,
  terminate: onTerminate,
  pause: onPause,
  resume: onResume,
  intervene: onIntervene,
  quarantine: (transition, { code, message }) => {
    transition.add({ type: 'attention', code, message, hold: true });
    return undefined;
  },
};

function start(workflow: Workflow, event: Extract<SagaEvent, { type: 'start' }>, moment: Moment): Decision {
  const transition = new Transition(workflow, undefined, event.sagaId, moment);
  const { name, version, digest, sagaTimeout } = workflow;
  const later = event.startAt !== undefined && event.startAt > moment.now ? event.startAt : undefined;
  const failureMode = event.failureMode ?? workflow.failureMode;
  const started: Writable<Extract<Fact, { type: 'started' }>> = {
    type: 'started',
    workflow: { name, version, digest },
    input: event.input,
  };
  if (later !== undefined) started.startAt = later;
  if (sagaTimeout !== undefined) started.deadline = (later ?? moment.now) + sagaTimeout;
  if (failureMode === 'hold') started.failureMode = failureMode;
  if (event.traceparent !== undefined) started.traceparent = event.traceparent;
  transition.add(started);
  if (later === undefined) advance(transition);
  return concluded(transition, 'start');
}

/** What has become due is done: the saga's deadline, waits, starts, retries. */
function onTimer(transition: Transition): Decision | undefined {
  const { now } = transition.moment;
  if (transition.saga.paused) return ignored('the saga is paused');
  const isPending = transition.saga.state === 'pending';
  if ((transition.saga.deadline ?? Infinity) <= now) runOut(transition);
  const isForward = transition.saga.direction === 'forward';
  if (isForward)
    for (const { path, until } of openWaits(transition.saga)) if (until <= now) endWait(transition, path);
  const due = openAttempts(transition.saga).filter(
    ({ attempts }) => attempts.status === 'waiting' && (attempts.dueAt ?? 0) <= now,
  );
  for (const { step, direction, attempts } of due) {
    const left = transition.timeLeft(transition.workflow.step(step), direction, attempts);
    if (left !== undefined && left <= 0) transition.add({ type: 'gaveUp', step, direction });
  }
  const startsNow = isPending && awaitsStart(transition.saga) && (transition.saga.startAt ?? 0) <= now;
  const isStallDue = (transition.saga.stalls ?? []).some(({ dueAt = Infinity }) => dueAt <= now);
  if (startsNow || isStallDue || transition.facts.length > 0) advance(transition);
  // What the saga has turned away from meanwhile is not sent.
  for (const { step, direction } of due) {
    const attempts = transition.progress(step)?.[direction];
    if (attempts?.status === 'waiting' && (attempts.dueAt ?? 0) <= now)
      transition.send(step, direction, attempts.run, attempts.attempt + 1);
  }
  return transition.facts.length > 0 ? undefined : ignored('nothing is due');
}

function onSignal(
  transition: Transition,
  event: Extract<SagaEvent, { type: 'signal' }>,
): Decision | undefined {
  const { saga, workflow } = transition;
  const { id, name, data, actor } = event;
  if (saga.signalIds?.includes(id)) return ignored(`signal ${id} has come before`);
  const refusal = refusalOf(workflow, saga, event);
  if (refusal) return refusal;
  transition.add({
    type: 'signalled',
    id,
    name,
    ...(data !== undefined && { data }),
    ...(actor !== undefined && { actor }),
  });
  advance(transition);
  return undefined;
}

function concluded(transition: Transition, event: string): Decision {
  const { saga, record } = transition.concluded(event);
  return { kind: 'applied', saga, record, effects: effectsOf(transition.workflow, saga, record) };
}
