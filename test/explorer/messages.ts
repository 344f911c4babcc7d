import type { CommandEffect, ReplyEvent, Saga, Workflow } from '@counterstep/core';
import type { Answer, BarrierOrder } from '@counterstep/worker';

/* What lies on the bus. */

export interface CommandMessage {
  readonly type: 'command';
  readonly order: BarrierOrder;
}

export interface ReplyMessage {
  readonly type: 'reply';
  readonly event: ReplyEvent;
}

export type Message = CommandMessage | ReplyMessage;

export const SAGA_ID = 'S';

/** The command as the engine makes it of the effect, the saga being the one that the effect belongs to. */
export function commandMessage(workflow: Workflow, saga: Saga, effect: CommandEffect): CommandMessage {
  const { step, run, attempt, direction } = effect;
  const forward = saga.steps[step]?.forward;
  return {
    type: 'command',
    order: {
      mode: workflow.step(step).barrier ?? 'none',
      sagaId: SAGA_ID,
      step,
      run,
      attempt,
      direction,
      effectKey: effectKey(step, run, direction),
      ...(direction === 'undo' &&
        forward && {
          forwardKey: effectKey(step, forward.run, 'forward'),
          forwardOutcome: forward.outcome ?? 'unknown',
        }),
    },
  };
}

export function effectKey(step: string, run: number, direction: 'forward' | 'undo'): string {
  return `${SAGA_ID}/${step}/${run}/${direction}`;
}

export function replyMessage({ step, run, attempt, direction }: BarrierOrder, answer: Answer): ReplyMessage {
  return { type: 'reply', event: { type: 'reply', step, run, attempt, direction, ...answer } };
}

/** `charge forward, attempt 2`. */
export function named({ step, run, attempt, direction }: Omit<ReplyEvent, 'type' | 'outcome'>): string {
  return `${step} ${direction}${run > 1 ? `, run ${run}` : ''}, attempt ${attempt}`;
}

export function sayReply({ event }: ReplyMessage): string {
  const marks = [
    event.noop && 'nothing to undo',
    event.late && 'finished after its undo began',
    event.refused && 'refused, as its undo came first',
  ].filter(Boolean);
  return `${named(event)}: ${event.outcome}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
}
