import type { Moment, SagaEvent, Workflow } from '@counterstep/core';
import { goOn } from './going-on.js';
import { onIntervene } from './persons.js';
import { onDeadline, onHeartbeat, onReply } from './replies.js';
import { IGNORED, onCancel, onPause, onQuarantine, onResume, onSignal, onTerminate } from './requests.js';
import type { Answer } from './requests.js';
import { newLine } from './state.js';
import type { Model, Sent } from './state.js';
import { onTimer, sendRetries } from './timers.js';

export type Reaction =
  | { readonly kind: 'applied'; readonly sent: readonly Sent[] }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly code: string; readonly allowed?: readonly string[] };

/** A saga of this workflow that has begun, or waits for its time. */
export function started(
  workflow: Workflow,
  event: Extract<SagaEvent, { type: 'start' }>,
  moment: Moment,
): Model {
  const startAt = Math.max(event.startAt ?? moment.now, moment.now);
  const model: Model = {
    workflow,
    root: newLine(workflow, undefined, event.input),
    begun: startAt <= moment.now,
    startAt,
    deadline: workflow.sagaTimeout === undefined ? undefined : startAt + workflow.sagaTimeout,
    hold: (event.failureMode ?? workflow.failureMode) === 'hold',
    direction: 'forward',
    aim: 'completed',
    paused: false,
    gaveUp: false,
    cancelWanted: false,
    troubles: [],
    stalls: [],
    kept: [],
    signalIds: new Set(),
    moment,
    sent: [],
  };
  goOn(model);
  return model;
}

/** Changes the model as the event demands. */
export function react(model: Model, event: SagaEvent, moment: Moment): Reaction {
  model.moment = moment;
  model.sent = [];
  const answer = dispatch(model, event);
  if (answer && 'refused' in answer)
    return { kind: 'refused', code: answer.refused, ...(answer.allowed && { allowed: answer.allowed }) };
  if (answer) return { kind: 'ignored' };
  // A sign of life, and a wish that waits for the pivot, are only noted.
  const isNoted = event.type === 'heartbeat' || (event.type === 'cancel' && model.cancelWanted);
  if (!isNoted) goOn(model);
  if (event.type === 'timer') sendRetries(model);
  return { kind: 'applied', sent: model.sent };
}

function dispatch(model: Model, event: SagaEvent): Answer {
  const done = (changed: boolean): Answer => (changed ? undefined : IGNORED);
  switch (event.type) {
    case 'start':
      return IGNORED;
    case 'reply':
      return done(onReply(model, event));
    case 'heartbeat':
      return done(onHeartbeat(model, event));
    case 'deadline':
      return done(onDeadline(model, event));
    case 'timer':
      return done(onTimer(model));
    case 'signal':
      return onSignal(model, event);
    case 'cancel':
      return onCancel(model);
    case 'terminate':
      return onTerminate(model);
    case 'pause':
      return onPause(model);
    case 'resume':
      return onResume(model);
    case 'intervene':
      return onIntervene(model, event);
    case 'quarantine':
      return onQuarantine(model, event);
  }
}
