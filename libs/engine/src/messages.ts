import type { OutgoingMessage } from '@counterstep/bus';
import { phaseOf } from '@counterstep/core';
import type { CommandEffect, Effects, HistoryRecord, NoticeEffect, Saga, Writable } from '@counterstep/core';
import {
  COMMAND_TYPE,
  DEAD_LETTER_TYPE,
  EVENT_TYPE,
  NOTICE_TYPE,
  effectKeyOf,
  encodeMessage,
  headersOf,
} from '@counterstep/protocol';
import type { Command, DeadLetter, Notice, Reply, SagaEvent, Topics } from '@counterstep/protocol';
import type { Workflow } from '@counterstep/core';
import type { Delivery } from '@counterstep/bus';
import { ReplyTokens } from './reply-tokens.js';

const SOURCE = 'counterstep';
/** In base64 it must still fit a message. */
const MAX_BURIED_BYTES = 600_000;

/** Turns effects into messages, the same bytes each time: a message sent again is a copy, not a new one. */
export class Messages {
  private readonly tokens: ReplyTokens;
  private moment = { at: NaN, text: '' };

  constructor(
    private readonly topics: Topics,
    secret: Uint8Array,
  ) {
    this.tokens = new ReplyTokens(secret);
  }

  /** The messages of one record; `saga` is the fold up to and with it. */
  of(workflow: Workflow, saga: Saga, record: HistoryRecord, effects: Effects): OutgoingMessage[] {
    const commands = effects.commands.map((command) => this.command(workflow, saga, command));
    const notices = effects.notices.map((notice) => this.notice(saga, notice));
    return commands.concat(notices, effects.stateChanged ? [this.event(saga, record)] : []);
  }

  /** Whether the reply comes from the worker that the command was sent to. */
  isGenuine(reply: Pick<Reply, 'effectkey' | 'replytoken' | 'worker'>): boolean {
    return isSame(this.tokens.of(reply.effectkey, reply.worker), reply.replytoken);
  }

  deadLetter(delivery: Delivery, code: string, message: string, now: number): OutgoingMessage {
    const bytes = Buffer.from(delivery.value ?? []);
    const letter: DeadLetter = {
      specversion: '1.0',
      id: `${delivery.topic}/${delivery.partition}/${delivery.offset}`,
      source: SOURCE,
      type: DEAD_LETTER_TYPE,
      time: new Date(now).toISOString(),
      data: {
        code,
        message: message.slice(0, 2_000),
        topic: delivery.topic,
        partition: delivery.partition,
        offset: delivery.offset,
        key: delivery.key,
        size: bytes.byteLength,
        value: bytes.subarray(0, MAX_BURIED_BYTES).toString('base64'),
      },
    };
    return {
      topic: this.topics.deadLetters,
      key: delivery.key ?? '',
      value: encodeMessage(letter),
      headers: headersOf({}),
    };
  }

  private command(workflow: Workflow, saga: Saga, effect: CommandEffect): OutgoingMessage {
    const effectkey = effectKeyOf(saga.sagaId, effect.step, effect.run, effect.direction);
    const { barrier } = workflow.step(effect.step);
    // Optional attributes are set afterwards: spread in, they cost more than all the others together.
    const command: Writable<Command> = {
      specversion: '1.0',
      id: `${effectkey}#${effect.attempt}`,
      source: SOURCE,
      type: COMMAND_TYPE,
      sagaid: saga.sagaId,
      workflow: saga.workflow.name,
      step: effect.step,
      direction: effect.direction,
      run: effect.run,
      attempt: effect.attempt,
      effectkey,
      worker: effect.worker,
      timeout: effect.timeout,
      replytoken: this.tokens.of(effectkey, effect.worker),
      data: effect.data,
    };
    const forward = effect.direction === 'undo' ? saga.steps[effect.step]?.forward : undefined;
    if (forward) {
      command.forwardkey = effectKeyOf(saga.sagaId, effect.step, forward.run, 'forward');
      command.forwardoutcome = forward.outcome ?? 'unknown';
    }
    if (barrier) command.barrier = barrier;
    if (saga.traceparent !== undefined) command.traceparent = saga.traceparent;
    return {
      topic: this.topics.commands(effect.queue),
      key: saga.sagaId,
      value: encodeMessage(command),
      headers: headersOf(command),
    };
  }

  private notice(saga: Saga, { step, queue, run, reason }: NoticeEffect): OutgoingMessage {
    const effectkey = effectKeyOf(saga.sagaId, step, run, 'forward');
    const notice: Writable<Notice> = {
      specversion: '1.0',
      id: `${effectkey}#${reason}`,
      source: SOURCE,
      type: NOTICE_TYPE,
      sagaid: saga.sagaId,
      step,
      direction: 'forward',
      run,
      effectkey,
      reason,
    };
    if (saga.traceparent !== undefined) notice.traceparent = saga.traceparent;
    return {
      topic: this.topics.notices(queue),
      key: saga.sagaId,
      value: encodeMessage(notice),
      headers: headersOf(notice),
    };
  }

  /** The records of a batch are of one moment. */
  private timeOf(at: number): string {
    if (at !== this.moment.at) this.moment = { at, text: new Date(at).toISOString() };
    return this.moment.text;
  }

  private event(saga: Saga, record: HistoryRecord): OutgoingMessage {
    const { cause } = saga;
    const data: Writable<SagaEvent['data']> = { state: saga.state, phase: phaseOf(saga) };
    if (cause) {
      data.cause = { code: cause.code, message: cause.message };
      if (cause.step !== undefined) data.cause.step = cause.step;
    }
    const event: Writable<SagaEvent> = {
      specversion: '1.0',
      id: `${saga.sagaId}/${record.seq}`,
      source: SOURCE,
      type: EVENT_TYPE,
      time: this.timeOf(record.at),
      sagaid: saga.sagaId,
      seq: record.seq,
      workflow: saga.workflow.name,
      data,
    };
    if (saga.traceparent !== undefined) event.traceparent = saga.traceparent;
    return {
      topic: this.topics.events,
      key: saga.sagaId,
      value: encodeMessage(event),
      headers: headersOf(event),
    };
  }
}

/** Takes as long for any two texts of one length. */
function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
