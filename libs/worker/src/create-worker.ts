import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Delivery, Listener, Received, Subscription } from '@counterstep/bus';
import { carefulSink, type ProgressSink } from '@counterstep/core';
import { carefully, commandSchema, decodeMessage, noticeSchema, topicsOf } from '@counterstep/protocol';
import type { Barrier } from './barrier/barrier.js';
import { openSession, type WorkerDatabase } from './barrier/database.js';
import { NoBarrier } from './barrier/no-barrier.js';
import { PostgresBarrier } from './barrier/postgres-barrier.js';
import { ensureBarrierTable } from './barrier/table.js';
import { WorkerConfigError } from './errors.js';
import { HandlerTable, type Handler } from './handlers.js';
import type { WorkerLogger } from './logger.js';
import { Outbox } from './outbox.js';
import { addresseeOf } from './poison.js';
import { ProgressOutbox } from './progress-outbox.js';
import { Runner } from './runner.js';
import { WorkerStopped } from './running.js';

export interface WorkerOptions {
  readonly bus: Bus;
  readonly handlers: readonly Handler[];
  /** A pg Pool or a TypeORM DataSource that is initialized: the barrier's table lives there. Not needed in mode `none`. */
  readonly database?: WorkerDatabase;
  /** The schema of the barrier's table; default `public`. */
  readonly schema?: string;
  /** Another barrier than the one on Postgres, such as `MemoryBarrier`; then `database` is not used. */
  readonly barrier?: Barrier;
  /** Keeps several installations on one broker apart; default `counterstep`. */
  readonly topicPrefix?: string;
  /** Consumer groups are `<group>.<queue>`; default `<topicPrefix>.worker`. */
  readonly group?: string;
  /**
   * Commands that run at the same time; default 10. In mode `transaction` fast handlers share a transaction, one after the
   * other, and this is how many transactions, each with a connection of the pool, there are at the same time.
   */
  readonly concurrency?: number;
  readonly logger?: WorkerLogger;
  /** The CloudEvents source of the replies; default `counterstep-worker`. */
  readonly source?: string;
  /** Where progress, logs and metrics of handlers go; default: the orchestrators, over the bus. */
  readonly sink?: ProgressSink;
  /** Milliseconds `stop` waits for handlers that run, before it aborts their signals; default 10,000. */
  readonly drainMs?: number;
  /** Milliseconds a handler may overrun its aborted signal while it holds the barrier's transaction; default 5,000. */
  readonly graceMs?: number;
}

export interface WorkerHealth {
  readonly ready: boolean;
  /** Why it is not ready; absent when it is. */
  readonly reason?: string;
  /** Commands that run or wait for a slot. */
  readonly inFlight: number;
}

/** Serves the queues of its handlers. Made by `createWorker`. */
export interface Worker {
  /**
   * Makes the barrier's table if it is absent, waiting for a database that is away, and subscribes. Resolves when it has
   * subscribed; `ready` tells when the groups were joined. Rejects with `WorkerStopped` if it is stopped before.
   */
  start(): Promise<void>;
  ready(): Promise<void>;
  /** Takes nothing new, lets what runs end and be answered, leaves the groups. The bus and the database stay open. */
  stop(): Promise<void>;
  health(): WorkerHealth;
}

/** A worker without Nest. Throws `WorkerConfigError` when the options do not fit together. */
export function createWorker(options: WorkerOptions): Worker {
  return new BusWorker(options);
}

class BusWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #handlers: HandlerTable;
  readonly #runner: Runner;
  readonly #outbox: Outbox;
  readonly #progress: ProgressOutbox;
  readonly #logger: WorkerLogger;
  readonly #prefix: string;
  readonly #stopping = new AbortController();
  readonly #burying = new Set<Promise<void>>();
  #subscriptions: Subscription[] = [];
  #listener: Listener | undefined;
  #joined = false;
  #trouble: string | undefined = 'not started';
  #stopped: Promise<void> | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#handlers = new HandlerTable(options.handlers);
    this.#logger = carefully(options.logger);
    this.#prefix = options.topicPrefix ?? 'counterstep';
    const source = options.source ?? 'counterstep-worker';
    const topics = topicsOf(this.#prefix);
    this.#outbox = new Outbox(options.bus, topics, source, this.#logger, this.#stopping.signal);
    const topic = topics.progress;
    this.#progress = new ProgressOutbox({ bus: options.bus, topic, source, logger: this.#logger });
    this.#runner = new Runner({
      handlers: this.#handlers,
      barrier: barrierOf(options, this.#handlers),
      concurrency: options.concurrency ?? 10,
      graceMs: options.graceMs ?? 5_000,
      logger: this.#logger,
      sink: options.sink ? carefulSink(options.sink, this.#logger) : this.#progress,
      sendHeartbeat: (command, undoData) => this.#outbox.heartbeat(command, undoData),
      reply: (to, answer, delivery) => this.#outbox.reply(to, answer, delivery),
    });
  }

  async start(): Promise<void> {
    await this.#ensureTable();
    this.#trouble = undefined;
    const topics = topicsOf(this.#prefix);
    // Advice that makes handlers end sooner: the worker serves without it, so nobody waits for this to be ready.
    this.#listener = this.#options.bus.listen({
      topics: this.#handlers.queues.map((queue) => topics.notices(queue)),
      onMessages: (messages) => this.#hear(messages),
    });
    const group = this.#options.group ?? `${this.#prefix}.worker`;
    this.#subscriptions = this.#handlers.queues.map((queue) =>
      this.#options.bus.subscribe({
        group: `${group}.${queue}`,
        topics: [topics.commands(queue)],
        onDeliveries: (deliveries) => this.#take(deliveries),
      }),
    );
    this.ready().then(
      () => this.#logger.info('the worker takes commands', { queues: this.#handlers.queues }),
      () => undefined,
    );
  }

  async ready(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.ready()));
    this.#joined = true;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  health(): WorkerHealth {
    const bus = this.#options.bus.health();
    const reason =
      (this.#stopped && 'the worker stops') ??
      this.#trouble ??
      this.#runner.trouble ??
      (bus.ready ? undefined : (bus.reason ?? 'the bus is not ready')) ??
      (this.#joined ? undefined : 'the consumer groups were not joined yet');
    const inFlight = this.#runner.inFlight;
    return reason === undefined ? { ready: true, inFlight } : { ready: false, reason, inFlight };
  }

  /** Must not throw: the deliveries belong to the bus. What is not acknowledged comes again. */
  #take(deliveries: readonly Delivery[]): void {
    if (this.#stopped) return;
    for (const delivery of deliveries) {
      const decoded = decodeMessage(commandSchema, delivery.value);
      if (decoded.ok) this.#runner.run({ command: decoded.message, delivery });
      else this.#bury(delivery, decoded.code, decoded.reason);
    }
  }

  #hear(messages: readonly Received[]): void {
    for (const { topic, value } of messages) {
      const decoded = decodeMessage(noticeSchema, value);
      if (decoded.ok) this.#runner.cancel(decoded.message.effectkey, decoded.message.reason);
      else this.#logger.warn(`a notice could not be read: ${decoded.reason}`, { topic, code: decoded.code });
    }
  }

  #bury(delivery: Delivery, code: string, reason: string): void {
    const facts = { topic: delivery.topic, partition: delivery.partition, offset: delivery.offset, code };
    this.#logger.error(`a command could not be read: ${reason}`, facts);
    const message = reason.slice(0, 2_000).toWellFormed();
    const burying = this.#outbox
      .deadLetter(delivery, code, message)
      .then(() => {
        const addressee = addresseeOf(delivery.value);
        const error = {
          code: 'POISON',
          message: `the command could not be read: ${message}`.slice(0, 2_000),
        };
        if (addressee)
          this.#outbox.reply(addressee, { outcome: 'failed', error, retryable: false }, delivery);
        else delivery.ack();
      })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#logger.error(`a dead letter was not sent: ${String(error)}`, facts);
      })
      .finally(() => this.#burying.delete(burying));
    this.#burying.add(burying);
  }

  async #stop(): Promise<void> {
    // First the handlers and their replies, then the subscriptions: their closing commits what was acknowledged.
    await this.#runner.stop(this.#options.drainMs ?? 10_000);
    const patience = setTimeout(() => this.#stopping.abort(), this.#options.graceMs ?? 5_000);
    const subscribed = this.#options.bus.health().ready;
    if (subscribed) {
      const replies = Promise.all(this.#burying).then(() => this.#outbox.settled());
      await Promise.race([Promise.all([replies, this.#progress.flush()]), aborted(this.#stopping.signal)]);
    }
    clearTimeout(patience);
    this.#stopping.abort();
    const listeners = this.#listener ? [this.#listener] : [];
    await Promise.all([...this.#subscriptions, ...listeners].map((reader) => reader.close()));
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {
      throw new WorkerStopped('the worker was stopped');
    });
  }

  async #ensureTable(): Promise<void> {
    const { database, barrier, schema } = this.#options;
    if (barrier || !database || !this.#handlers.needsDatabase()) return;
    for (let tries = 0; ; tries += 1) {
      try {
        const session = await openSession(database);
        try {
          await ensureBarrierTable(session.client, schema === undefined ? {} : { schema });
        } finally {
          await session.release(false);
        }
        return;
      } catch (error) {
        this.#trouble = error instanceof Error ? error.message : String(error);
        this.#logger.warn(`waiting for the barrier's table: ${this.#trouble}`, { tries: tries + 1 });
        await this.#pause(Math.min(5_000, 100 * 2 ** tries));
      }
    }
  }
}

function barrierOf(options: WorkerOptions, handlers: HandlerTable): Barrier {
  if (options.barrier) return options.barrier;
  const settings = options.schema === undefined ? {} : { schema: options.schema };
  if (options.database) return new PostgresBarrier(options.database, settings);
  if (!handlers.needsDatabase()) return new NoBarrier();
  throw new WorkerConfigError(
    "handlers with barrier 'transaction' or 'external' need the worker's `database`, or a `barrier` such as MemoryBarrier",
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
