import type { Bus, RefusedMessage, Subscription, TopicSpec } from '@counterstep/bus';
import { WorkflowExecutionError } from '@counterstep/core';
import type { AttemptName, Saga } from '@counterstep/core';
import { storableText } from '@counterstep/protocol';
import type { StartMessage, Topics } from '@counterstep/protocol';
import { AbsentDefinitions } from './absent-definitions.js';
import { BatchDecider } from './batch.js';
import type { Clock, StoreClock } from './clock.js';
import { Inbox } from './inbox.js';
import type { Input, InputResult } from './input.js';
import { LaneLoop } from './lane.js';
import type { Logger } from './logger.js';
import type { Messages } from './messages.js';
import { Outbox } from './outbox.js';
import type { ProgressFeed } from './progress-feed.js';
import { PutOffs } from './put-offs.js';
import type { Registry } from './registry.js';
import type { Store } from './store.js';
import { Sweeper } from './sweeper.js';
import { Timers } from './timers.js';
import type { Expiry } from './timers.js';
import { UnreadableSagas } from './unreadable.js';

export interface EngineOptions {
  readonly bus: Bus;
  readonly store: Store;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly messages: Messages;
  readonly topics: Topics;
  readonly prefix: string;
  readonly partitions: number;
  readonly lanes: number;
  readonly maxBacklog: number;
  readonly sweepInterval: number;
  readonly unknownDefinitionAfter: number;
  /** Heard once its topic is there, and closed with the engine. */
  readonly progress: Pick<ProgressFeed, 'open' | 'close'>;
  /** This process has moved that saga. */
  readonly onMoved: (sagaId: string) => void;
  readonly startByMessage: (message: StartMessage) => Promise<{ code: string; reason: string } | undefined>;
}

const MAX_BATCH = 1_000;
const MAX_CACHED = 50_000;
const MAX_MESSAGE_BYTES = 900_000;
const SECOND = 1_000;
/** Milliseconds. Nobody reads what was told before it listened. */
const PROGRESS_RETENTION = 3_600_000;
/** Milliseconds until the broker is asked again for topics that it refused to make. */
const REFUSED_PAUSE = 1_000;

/** The parts of a running orchestrator, wired: what comes in goes to its saga's lane, what a lane moves goes to the timers. */
export class Engine {
  readonly inbox: Inbox;
  private readonly lanes: LaneLoop[];
  private readonly timers: Timers;
  private readonly sweeper: Sweeper;
  private readonly putOffs: PutOffs;
  private replies: Subscription | undefined;
  private starts: Subscription | undefined;
  private joined = false;
  private closing = false;
  private topicsAreReady: () => void = () => undefined;
  private readonly topicsReady = new Promise<void>((resolve) => {
    this.topicsAreReady = resolve;
  });
  private cancelSecond: (() => void) | undefined;

  constructor(private readonly options: EngineOptions) {
    const { bus, store, logger, registry, clock, storeClock, messages, topics } = options;
    // A command for a topic that is about to be made would be refused for good.
    const publisher: Pick<Bus, 'publish'> = {
      publish: async (outgoing) => {
        await this.topicsReady;
        return bus.publish(outgoing);
      },
    };
    const push = (input: Input): void => {
      this.laneOf(input.sagaId).push(input);
    };
    this.inbox = new Inbox({
      bus,
      messages,
      clock: storeClock,
      logger,
      push,
      onAlive: (sagaId, attempt) => {
        this.alive(sagaId, attempt);
      },
      start: options.startByMessage,
    });
    this.putOffs = new PutOffs(store, logger);
    this.timers = new Timers({
      clock,
      storeClock,
      onDue: (sagaId) => {
        push({ sagaId, event: { type: 'timer' }, origin: 'internal', settle: () => undefined });
      },
      onExpired: (expiry) => void this.sweeper.expire(expiry),
      onPickUpDue: (expiry) => void this.sweeper.expirePickUp(expiry),
      onPutOff: (putOff) => {
        this.putOffs.add(putOff);
      },
      pickUpTimeout: (saga, step) => registry.pinned(saga.workflow.digest)?.step(step).pickUpTimeout,
    });
    const unreadable = new UnreadableSagas(logger);
    this.sweeper = new Sweeper({
      ...options,
      unreadable,
      absent: new AbsentDefinitions({ ...options, push, patience: options.unknownDefinitionAfter }),
      bus: publisher,
      onRefused: (refused) => {
        this.refused(refused);
      },
      timers: this.timers,
      liesInQueue: (expiry) => this.liesInQueue(expiry),
      repliesTopic: topics.replies,
      replies: () => this.replies,
      push,
      interval: options.sweepInterval,
    });
    const decider = new BatchDecider(registry, messages, MAX_MESSAGE_BYTES);
    this.lanes = Array.from(
      { length: options.lanes },
      () =>
        new LaneLoop({
          store,
          decider,
          logger,
          digests: registry.digests(),
          clock: storeClock,
          newOutbox: () =>
            new Outbox(publisher, (refused) => {
              this.refused(refused);
            }),
          maxBatch: MAX_BATCH,
          maxCached: MAX_CACHED,
          timer: clock,
          unreadable,
          onMoved: (saga) => {
            this.moved(saga);
          },
          onConfirmed: (saga) => {
            this.confirmed(saga);
          },
          onReopened: () => {
            this.sweeper.sweepNow();
          },
        }),
    );
  }

  get backlog(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.backlog, 0);
  }

  get isHealthy(): boolean {
    return this.lanes.every((lane) => lane.isHealthy);
  }

  get isJoined(): boolean {
    return this.joined;
  }

  /** Opens the lanes; the engine works from here on. The broker is met in the background. */
  async open(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.open()));
    this.sweeper.start();
    this.everySecond();
    void this.join();
  }

  /** Asks, and resolves when the answer is final. */
  request(input: Omit<Input, 'origin' | 'settle'>): Promise<InputResult> {
    return new Promise((resolve) => {
      this.laneOf(input.sagaId).push({ ...input, origin: 'request', settle: resolve });
    });
  }

  /** Throws `OVERLOADED` when so much waits that what comes now would wait long too. */
  refuseWhenFull(sagaId: string): void {
    const { backlog } = this.laneOf(sagaId);
    if (backlog >= this.options.maxBacklog)
      throw new WorkflowExecutionError(
        'OVERLOADED',
        `${backlog} inputs and messages wait already`,
        { backlog },
        true,
      );
  }

  /** Stops taking, finishes what was taken, and hands the rest over. */
  async close(): Promise<void> {
    this.closing = true;
    this.cancelSecond?.();
    await Promise.all([this.replies?.close(), this.starts?.close(), this.options.progress.close()]);
    this.timers.stop();
    await this.sweeper.stop();
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }

  private async join(): Promise<void> {
    const { bus, topics, registry, prefix, partitions, logger, clock, progress } = this.options;
    const queues = registry.queues();
    const names = [
      topics.replies,
      topics.starts,
      topics.events,
      topics.deadLetters,
      ...queues.map((queue) => topics.commands(queue)),
      ...queues.map((queue) => topics.notices(queue)),
    ];
    while (!this.closing) {
      try {
        await bus.ensureTopics([
          ...names.map((topic): TopicSpec => ({ topic, partitions })),
          { topic: topics.progress, partitions, retentionMs: PROGRESS_RETENTION },
        ]);
        break;
      } catch (error) {
        if (this.closing) return;
        logger.error('the topics could not be made; trying again', { error: String(error) });
        await new Promise<void>((resolve) => clock.after(REFUSED_PAUSE, resolve));
      }
    }
    if (this.closing) return;
    this.topicsAreReady();
    progress.open();
    const { onReplies, onStarts } = this.inbox;
    this.replies = bus.subscribe({
      group: `${prefix}.orchestrator.replies`,
      topics: [topics.replies],
      onDeliveries: onReplies,
    });
    this.starts = bus.subscribe({
      group: `${prefix}.orchestrator.starts`,
      topics: [topics.starts],
      onDeliveries: onStarts,
    });
    try {
      await Promise.all([this.replies.ready(), this.starts.ready()]);
    } catch (error) {
      if (!this.closing) logger.error('the consumer groups cannot be joined', { error: String(error) });
      return;
    }
    this.joined = true;
    logger.info('joined the consumer groups', { workflows: registry.names().join(', ') });
  }

  private laneOf(sagaId: string): LaneLoop {
    // The last digits of a UUIDv7 are random.
    const index = this.lanes.length > 1 ? Number.parseInt(sagaId.slice(-6), 16) % this.lanes.length : 0;
    const lane = this.lanes[Number.isNaN(index) ? 0 : index];
    if (!lane) throw new Error('an engine has at least one lane');
    return lane;
  }

  /** A sign of life puts the attempt's deadline off, but not beyond that of its step. */
  private alive(sagaId: string, attempt: AttemptName): void {
    const { registry, storeClock } = this.options;
    const saga = this.laneOf(sagaId).peek(sagaId);
    const step = saga && registry.pinned(saga.workflow.digest)?.step(attempt.step);
    const firstSentAt = saga?.steps[attempt.step]?.[attempt.direction]?.firstSentAt;
    const isBound = attempt.direction === 'forward' && step?.stepTimeout !== undefined;
    const most =
      isBound && firstSentAt !== undefined
        ? firstSentAt + (step.stepTimeout ?? 0) - storeClock.now()
        : Infinity;
    this.timers.alive(sagaId, attempt, most, saga);
  }

  /** Workers' groups are named after their queues; see `createWorker`. */
  private async liesInQueue({ sagaId, digest, step, sentAt }: Expiry): Promise<boolean> {
    const { bus, registry, topics, prefix } = this.options;
    const queue = registry.pinned(digest)?.step(step).queue;
    if (queue === undefined) return false;
    const group = `${prefix}.worker.${queue}`;
    return bus.isWaiting({ topic: topics.commands(queue), key: sagaId, group, since: sentAt });
  }

  private moved(saga: Saga): void {
    this.timers.moved(saga);
    this.options.onMoved(saga.sagaId);
  }

  /** The broker has this version's commands; by now the saga may have moved on. */
  private confirmed(saga: Saga): void {
    const current = this.laneOf(saga.sagaId).peek(saga.sagaId);
    if (current) this.timers.confirmed(current, saga.updatedAt);
  }

  /** The saga's message will never be sent: a person must look at it. */
  private refused({ message: { key: sagaId }, code, reason }: RefusedMessage): void {
    this.options.logger.error('the broker refused a message for good', { sagaId, code, reason });
    this.laneOf(sagaId).push({
      sagaId,
      event: { type: 'quarantine', code, message: storableText(reason, 1_000) },
      origin: 'internal',
      settle: () => undefined,
    });
  }

  /** What can wait for a second. */
  private everySecond(): void {
    this.cancelSecond = this.options.clock.after(SECOND, () => {
      for (const lane of this.lanes) lane.confirmWhenIdle();
      void this.putOffs.write();
      this.everySecond();
    });
  }
}
