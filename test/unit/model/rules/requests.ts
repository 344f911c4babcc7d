import type { SagaEvent, SignalWait, Workflow } from '@counterstep/core';
import { pivotOf, turn } from './failure.js';
import { isQuarantined, membersIn } from './state.js';
import { endTimeOfStill } from './timers.js';
import type { Model } from './state.js';

/** Undefined when it was done. */
export type Answer = undefined | { readonly ignored: true } | Refusal;
export interface Refusal {
  readonly refused: string;
  readonly allowed?: readonly string[];
}

export const IGNORED = { ignored: true } as const;
const CLOSED = { refused: 'SAGA_CLOSED' };
export const HELD = { refused: 'QUARANTINED' };

type Of<Type extends SagaEvent['type']> = Extract<SagaEvent, { readonly type: Type }>;

export function onCancel(model: Model): Answer {
  if (model.finished) return model.finished === 'cancelled' ? IGNORED : CLOSED;
  if (isQuarantined(model)) return HELD;
  if (model.direction === 'undo') return IGNORED;
  const pivot = pivotOf(model);
  if (pivot === 'past') return { refused: 'PAST_PIVOT' };
  if (model.cancelWanted) return IGNORED;
  model.begun = true;
  if (pivot === 'out') {
    model.cancelWanted = true;
    model.deadline = undefined;
  } else turn(model, 'cancelled');
  return undefined;
}

/** That there is a reason is seen to by whoever lets people in. */
export function onTerminate(model: Model): Answer {
  if (model.finished) return CLOSED;
  endAsFailed(model);
  return undefined;
}

export function endAsFailed(model: Model): void {
  model.finished = 'failed';
  model.troubles = [];
  model.stalls = [];
  model.kept = [];
  model.cancelWanted = false;
}

export function onPause(model: Model): Answer {
  if (model.finished) return CLOSED;
  if (isQuarantined(model)) return HELD;
  if (model.paused) return IGNORED;
  model.paused = true;
  return undefined;
}

export function onResume(model: Model): Answer {
  if (model.finished) return CLOSED;
  if (isQuarantined(model)) return HELD;
  if (!model.paused) return IGNORED;
  model.paused = false;
  endTimeOfStill(model);
  return undefined;
}

export function onQuarantine(model: Model, { code }: Of<'quarantine'>): Answer {
  if (model.finished || isQuarantined(model)) return IGNORED;
  model.troubles.push({ code });
  return undefined;
}

const MOST_KEPT = 1_000;

export function onSignal(model: Model, { id, name, data }: Of<'signal'>): Answer {
  if (model.finished) return CLOSED;
  if (isQuarantined(model)) return HELD;
  if (model.signalIds.has(id)) return IGNORED;
  const waits = signalWaits(model.workflow).filter(({ signal }) => signal === name);
  if (waits.length === 0) return { refused: 'UNKNOWN_SIGNAL' };
  if (model.direction === 'undo') return { refused: 'SAGA_TURNED' };
  if (model.kept.length >= MOST_KEPT) return { refused: 'TOO_MANY_SIGNALS' };
  if (!waits.every((wait) => isReadable(wait, data))) return { refused: 'SIGNAL_INVALID' };
  model.signalIds.add(id);
  model.kept.push({ id, name, data });
  return undefined;
}

function isReadable(wait: SignalWait, data: unknown): boolean {
  if (wait.approval && typeof (data as { approved?: unknown } | undefined)?.approved !== 'boolean')
    return false;
  return wait.output ? wait.output.safeParse(data).success : true;
}

function signalWaits(workflow: Workflow): SignalWait[] {
  return workflow.items.flatMap(membersIn).flatMap((member) => {
    if (member.kind === 'signal') return [member];
    if (member.kind === 'workflow') return signalWaits(member.workflow);
    return member.kind === 'map' && member.body.kind === 'workflow' ? signalWaits(member.body.workflow) : [];
  });
}
