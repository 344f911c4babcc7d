import { HEARTBEAT_TYPE, REPLY_TYPE, type Command, type Heartbeat, type Reply } from '@counterstep/protocol';
import type { Answer } from './barrier-rules.js';

/* What a worker says to the orchestrator, in every runtime. */

/** The fields of a command that a reply repeats. */
export type Addressee = Pick<
  Command,
  | 'id'
  | 'sagaid'
  | 'step'
  | 'direction'
  | 'run'
  | 'attempt'
  | 'effectkey'
  | 'worker'
  | 'replytoken'
  | 'traceparent'
>;

const MAX_ID = 400;

/** The reply that carries the answer. Its id is made from the command's, so that a reply sent again is a copy. */
export function replyTo(to: Addressee, answer: Answer, source: string): Reply {
  return {
    specversion: '1.0',
    id: `${to.id.slice(0, MAX_ID - '/reply'.length)}/reply`,
    source,
    type: REPLY_TYPE,
    ...attributesOf(to),
    ...outcomeOf(answer),
  };
}

/** What is answered in place of a reply that the bus will never take, and why. */
export function replyTooLarge(reason: string): Answer {
  const message = `the broker refused the reply: ${reason}`.slice(0, 2_000);
  return { outcome: 'failed', error: { code: 'REPLY_TOO_LARGE', message }, retryable: false };
}

/** A sign of life, with or without undo data; `nth` makes its id differ from that of its sender's others. */
export function heartbeatTo(to: Addressee, undoData: unknown, nth: number, source: string): Heartbeat {
  const suffix = `/heartbeat/${nth}`;
  return {
    specversion: '1.0',
    id: `${to.id.slice(0, MAX_ID - suffix.length)}${suffix}`,
    source,
    type: HEARTBEAT_TYPE,
    ...attributesOf(to),
    data: undoData === undefined ? {} : { undoData },
  };
}

/** What a reply and a heartbeat repeat of their command; its id they make their own from. */
function attributesOf(to: Addressee): Omit<Addressee, 'id'> {
  const { sagaid, step, direction, run, attempt, effectkey, worker, replytoken, traceparent } = to;
  const trace = traceparent === undefined ? {} : { traceparent };
  return { sagaid, step, direction, run, attempt, effectkey, worker, replytoken, ...trace };
}

function outcomeOf(answer: Answer): Pick<Reply, 'outcome' | 'data' | 'noop' | 'late' | 'refused'> {
  if (answer.outcome === 'succeeded') {
    const { output, undoData, noop, late } = answer;
    return {
      outcome: 'succeeded',
      ...(noop && { noop }),
      ...(late && { late }),
      data: {
        ...(output === undefined ? {} : { output }),
        ...(undoData === undefined ? {} : { undoData }),
      },
    };
  }
  if (answer.outcome === 'rejected') {
    return {
      outcome: 'rejected',
      ...(answer.refused && { refused: true }),
      data: { error: { ...answer.error, retryable: false } },
    };
  }
  return { outcome: 'failed', data: { error: { ...answer.error, retryable: answer.retryable } } };
}
