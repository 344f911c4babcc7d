import type {
  Bus,
  BusHealth,
  Listener,
  OutgoingMessage,
  RefusedMessage,
  SubscribeOptions,
  Subscription,
} from '@counterstep/bus';
import {
  MAX_MESSAGE_BYTES,
  commandSchema,
  decodeMessage,
  encodeMessage,
  noticeSchema,
  topicsOf,
} from '@counterstep/protocol';
import type { Command, Heartbeat, Notice, Reply } from '@counterstep/protocol';

/** Whom the bus brings commands to. */
export interface Receiver {
  take(command: Command): void;
  cancel(notice: Notice): void;
}

/**
 * The port `Bus` between one orchestrator and the handlers in its own process. Bytes travel here too, in order and once, and
 * nothing is kept: what nobody reads, such as public events, is dropped.
 */
export class InProcessBus implements Bus {
  readonly #topics;
  readonly #receiver: Receiver;
  readonly #unsettled = new Set<Promise<void>>();
  #onReplies: SubscribeOptions['onDeliveries'] | undefined;
  #offset = 0;

  constructor(prefix: string, receiver: Receiver) {
    this.#topics = topicsOf(prefix);
    this.#receiver = receiver;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> {
    for (const { topic, value } of messages) {
      if (topic.startsWith(this.#topics.commands(''))) {
        const decoded = decodeMessage(commandSchema, value);
        if (decoded.ok) this.#receiver.take(decoded.message);
      } else if (topic.startsWith(this.#topics.notices(''))) {
        const decoded = decodeMessage(noticeSchema, value);
        if (decoded.ok) this.#receiver.cancel(decoded.message);
      }
    }
    return [];
  }

  /** Brings the orchestrator what a handler says; the reason when it is too large, and was not brought. */
  reply(message: Reply | Heartbeat): string | undefined {
    const value = encodeMessage(message);
    const bytes = Buffer.byteLength(message.sagaid) + value.byteLength;
    if (bytes > MAX_MESSAGE_BYTES)
      return `${bytes} bytes are more than the ${MAX_MESSAGE_BYTES} that a message may have`;
    const topic = this.#topics.replies;
    const offset = String(this.#offset++);
    const settled = new Promise<void>((ack) => {
      this.#onReplies?.([{ topic, partition: 0, offset, key: message.sagaid, value, headers: {}, ack }]);
    }).then(() => {
      this.#unsettled.delete(settled);
    });
    this.#unsettled.add(settled);
    return undefined;
  }

  /** Resolves when the orchestrator has dealt with all that it was brought. */
  async settled(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled);
  }

  subscribe({ topics, onDeliveries }: SubscribeOptions): Subscription {
    if (topics.includes(this.#topics.replies)) this.#onReplies = onDeliveries;
    return {
      ready: async () => undefined,
      holds: () => true,
      caughtUp: async () => {
        await this.settled();
        return true;
      },
      close: async () => {
        if (this.#onReplies === onDeliveries) this.#onReplies = undefined;
      },
    };
  }

  listen(): Listener {
    return { ready: async () => undefined, close: async () => undefined };
  }

  /** Never: what is published is taken at once. */
  async isWaiting(): Promise<boolean> {
    return false;
  }

  async ensureTopics(): Promise<void> {
    // There are none.
  }

  async partitionOf(): Promise<number> {
    return 0;
  }

  health(): BusHealth {
    return { ready: true };
  }

  async close(): Promise<void> {
    this.#onReplies = undefined;
  }
}
