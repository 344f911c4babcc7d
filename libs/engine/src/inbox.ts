import type { Bus, Delivery } from '@counterstep/bus';
import type { AttemptName, HeartbeatEvent, ReplyEvent, Writable } from '@counterstep/core';
import {
  HEARTBEAT_TYPE,
  decodeMessage,
  effectKeyOf,
  startMessageSchema,
  workerMessageSchema,
} from '@counterstep/protocol';
import type { StartMessage, WorkerMessage } from '@counterstep/protocol';
import type { StoreClock } from './clock.js';
import type { Input, InputResult } from './input.js';
import type { Logger } from './logger.js';
import type { Messages } from './messages.js';

type WorkerEvent = ReplyEvent | HeartbeatEvent;

export interface InboxOptions {
  readonly bus: Bus;
  readonly messages: Messages;
  readonly clock: StoreClock;
  readonly logger: Logger;
  readonly push: (input: Input) => void;
  /** The handler of an attempt is at work. */
  readonly onAlive: (sagaId: string, attempt: AttemptName) => void;
  /** Starts a saga asked for by message; the result says what became of it. */
  readonly start: (message: StartMessage) => Promise<{ code: string; reason: string } | undefined>;
}

/**
 * What comes off the bus. A message is acknowledged when it is applied, ignored or parked in the store, or when its dead
 * letter is confirmed: until then its offset is not committed and it will come again. Nothing here throws.
 */
export class Inbox {
  /** Dead letters by code, since the process began. */
  readonly deadLetters = new Map<string, number>();

  constructor(private readonly options: InboxOptions) {}

  readonly onReplies = (deliveries: readonly Delivery[]): void => {
    for (const delivery of deliveries) {
      const decoded = decodeMessage<WorkerMessage>(workerMessageSchema, delivery.value);
      if (!decoded.ok) this.bury(delivery, decoded.code, decoded.reason);
      else if (!isConsistent(decoded.message))
        this.bury(delivery, 'BAD_ENVELOPE', 'the effect key is not that of saga, step, run and direction');
      else if (!this.options.messages.isGenuine(decoded.message))
        this.bury(delivery, 'FORGED_REPLY', `the reply's token is not that of ${decoded.message.worker}`);
      else this.take(delivery, decoded.message);
    }
  };

  readonly onStarts = (deliveries: readonly Delivery[]): void => {
    for (const delivery of deliveries) {
      const decoded = decodeMessage<StartMessage>(startMessageSchema, delivery.value);
      if (!decoded.ok) this.bury(delivery, decoded.code, decoded.reason);
      else void this.start(delivery, decoded.message);
    }
  };

  private take(delivery: Delivery, message: WorkerMessage): void {
    const sagaId = message.sagaid;
    const event = eventOf(message);
    if (event.type === 'heartbeat') {
      this.options.onAlive(sagaId, event);
      // One without undo data only puts a deadline off.
      if (event.undoData === undefined) {
        delivery.ack();
        return;
      }
    }
    this.options.push(new Waiting(sagaId, event, delivery, this));
  }

  /** What became of it is final. */
  settle({ delivery, sagaId, event }: Waiting, result: InputResult): void {
    switch (result.kind) {
      case 'absent':
        this.bury(delivery, 'UNKNOWN_SAGA', `there is no saga ${sagaId}`);
        return;
      case 'failed':
        this.bury(delivery, 'POISON', result.error.message);
        return;
      case 'ignored':
        this.options.logger.debug('reply ignored', { ...factsOf(sagaId, event), reason: result.reason });
        break;
      case 'applied':
        this.options.logger.debug('reply applied', factsOf(sagaId, event));
        break;
      default:
    }
    delivery.ack();
  }

  /** A start that the store could not take now is tried again: by message nobody waits. */
  private async start(delivery: Delivery, message: StartMessage): Promise<void> {
    let refused: Awaited<ReturnType<InboxOptions['start']>>;
    try {
      refused = await this.options.start(message);
    } catch {
      // The orchestrator stops: the message comes again.
      return;
    }
    if (refused) this.bury(delivery, refused.code, refused.reason);
    else delivery.ack();
  }

  private bury(delivery: Delivery, code: string, reason: string): void {
    const { bus, messages, clock, logger } = this.options;
    this.deadLetters.set(code, (this.deadLetters.get(code) ?? 0) + 1);
    const { topic, partition, offset } = delivery;
    logger.warn('message sent to the dead letters', { code, reason, topic, partition, offset });
    bus.publish([messages.deadLetter(delivery, code, reason, clock.now())]).then(
      (refused) => {
        for (const each of refused)
          logger.error('a dead letter was refused', { topic, offset, reason: each.reason });
        delivery.ack();
      },
      // The bus was closed first: the message comes again.
      () => undefined,
    );
  }
}

/** A message that waits for the store, in little: at full load thousands do, and are most of what the process holds. */
class Waiting implements Input {
  readonly origin = 'message';

  constructor(
    readonly sagaId: string,
    readonly event: WorkerEvent,
    readonly delivery: Delivery,
    private readonly inbox: Inbox,
  ) {}

  settle(result: InputResult): void {
    this.inbox.settle(this, result);
  }
}

/** The token is made over the effect key, so nothing else in the reply may say otherwise. */
function isConsistent({ sagaid, step, run, direction, effectkey }: WorkerMessage): boolean {
  return effectkey === effectKeyOf(sagaid, step, run, direction);
}

function eventOf(message: WorkerMessage): WorkerEvent {
  const { step, direction, run, attempt } = message;
  if (message.type === HEARTBEAT_TYPE)
    return { type: 'heartbeat', step, direction, run, attempt, undoData: message.data.undoData };
  const { outcome, noop, refused, late, data } = message;
  const { output, undoData, error } = data;
  const event: Writable<ReplyEvent> = { type: 'reply', step, direction, run, attempt, outcome, output };
  if (undoData !== undefined) event.undoData = undoData;
  if (error) event.error = error;
  if (noop !== undefined) event.noop = noop;
  if (refused !== undefined) event.refused = refused;
  if (late !== undefined) event.late = late;
  return event;
}

function factsOf(sagaId: string, event: WorkerEvent): Record<string, unknown> {
  const { step, attempt } = event;
  return { sagaId, step, attempt, ...(event.type === 'reply' && { outcome: event.outcome }) };
}
