import type { Logger } from '@counterstep/protocol';

/**
 * The port behind which messages travel. Promises of every implementation (libs/testing has the suite that checks them):
 *
 * - At least once: a message whose `publish` resolved as confirmed is delivered to every group, possibly twice.
 * - Messages of one key are published to one partition, and a partition is delivered in order within one subscription.
 * - A delivery that was not acknowledged is delivered again, to this or another member of the group, after a restart.
 * - Bytes travel, not objects.
 */
export interface Bus {
  /**
   * Resolves when the broker has confirmed (all in-sync replicas) every message that is not in the result. The result
   * lists those that the broker will never take (too large, no such topic); nothing else in the same call is held up by
   * them. While the broker is away it waits and tries again, for as long as the bus is open. Rejects only with
   * `BusClosedError`. Calls made while a produce is in flight share the next one.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]>;

  /**
   * Joins a consumer group. Resolves at once; `Subscription.ready()` tells when the group was joined. Starts at the
   * earliest message when the group has no position. An absent broker is waited for.
   */
  subscribe(options: SubscribeOptions): Subscription;

  /**
   * Hears every message published to the topics after `Listener.ready()`, whatever others read: a broadcast, of which no
   * position is kept outside the process. A message may be told twice. Nothing is missed over a broken connection or an
   * outage of the broker; what is published while the process is down is. An absent broker or topic is waited for, and
   * does not make the bus unready.
   */
  listen(options: ListenOptions): Listener;

  /**
   * Whether it is sure that `group` has not got past what was published for `key` from `since` on (ms of the epoch; clocks
   * may differ by 5 s): its position in the key's partition lies at or below the first such message. A group gets past a
   * message when that and all before it are acknowledged, so one that a member has in hand still waits. False when in
   * doubt: no broker, no topic, nothing left to read. Answers may be a second old. Never rejects.
   */
  isWaiting(question: WaitingQuestion): Promise<boolean>;

  /** Creates the topics that are absent, with the settings given. Existing topics are left as they are. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;

  /** The partition that a key's messages are published to. Known once the topic's partitions are known. */
  partitionOf(topic: string, key: string): Promise<number>;

  health(): BusHealth;

  /** Stops the subscriptions, gives `publish` calls in flight up to `drainMs` (default 5,000), then closes. Idempotent. */
  close(options?: { drainMs?: number }): Promise<void>;
}

export interface OutgoingMessage {
  readonly topic: string;
  /** Messages with one key keep their order. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RefusedMessage {
  readonly message: OutgoingMessage;
  /** `MESSAGE_TOO_LARGE`, `UNKNOWN_TOPIC` or another stable code. */
  readonly code: string;
  readonly reason: string;
}

export interface SubscribeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Gets the deliveries of one partition in order. It may return before they are dealt with: a position is committed
   * only below the first delivery that is not yet acknowledged. It must not throw; if it does, its messages stay
   * unacknowledged and the subscription lives on.
   */
  readonly onDeliveries: (deliveries: readonly Delivery[]) => void;
  /** At most so many deliveries are handed out and not yet acknowledged (default 5,000). */
  readonly credit?: number;
}

/** A message as it stands in its topic. */
export interface Received {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Delivery extends Received {
  /** The message is dealt with for good: applied, ignored, parked or confirmed as a dead letter. Idempotent. */
  ack(): void;
}

export interface Subscription {
  /** Resolves when the group was joined for the first time. */
  ready(): Promise<void>;
  /** Whether this member now holds the partition of `key` in `topic`. */
  holds(topic: string, key: string): boolean;
  /**
   * Reads the end of the key's partition now, and resolves true once every message below it was acknowledged here;
   * false when this member does not hold the partition, or loses it while waiting.
   */
  caughtUp(topic: string, key: string): Promise<boolean>;
  /** Stops deliveries, commits the position of what was acknowledged, leaves the group. Idempotent. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly topics: readonly string[];
  /** Gets the messages of one partition in order. It must not throw; if it does, the listener lives on. */
  readonly onMessages: (messages: readonly Received[]) => void;
}

export interface Listener {
  /** Resolves when every message published from now on will be told. */
  ready(): Promise<void>;
  /** Tells nothing more. Idempotent. */
  close(): Promise<void>;
}

export interface WaitingQuestion {
  readonly topic: string;
  readonly key: string;
  readonly group: string;
  /** Milliseconds of the epoch. */
  readonly since: number;
}

/** How far the clocks of those who publish and those who ask may differ, in milliseconds. */
export const CLOCK_MARGIN_MS = 5_000;

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** Milliseconds; default seven days. */
  readonly retentionMs?: number;
}

export interface BusHealth {
  readonly ready: boolean;
  /** Why it is not ready, naming the broker; absent when it is. */
  readonly reason?: string;
}

/** The bus was closed before the messages were confirmed. They may or may not have been published. */
export class BusClosedError extends Error {
  readonly code = 'BUS_CLOSED';
  readonly retryable = true;
  constructor() {
    super('the bus is closed');
    this.name = 'BusClosedError';
  }
}

/** What a bus tells about itself. */
export type BusLogger = Logger;
