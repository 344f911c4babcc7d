import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery } from '@counterstep/bus';
import { EffectCancelled, factsOfCommand, type Addressee, type Answer } from '@counterstep/core';
import type { Command, NoticeReason } from '@counterstep/protocol';
import type { Barrier } from './barrier/barrier.js';
import type { EffectOptions } from './effect.js';
import { Groups } from './groups.js';
import { HandlerTimes } from './handler-times.js';
import type { HandlerTable } from './handlers.js';
import type { WorkerLogger } from './logger.js';
import { Running, WorkerStopped, type Asked, type RunningOptions } from './running.js';

export interface RunnerOptions extends Omit<EffectOptions, 'onHeartbeatTrouble'> {
  readonly handlers: HandlerTable;
  readonly barrier: Barrier;
  /** Commands, or groups of commands that share a transaction, that run at the same time. */
  readonly concurrency: number;
  readonly logger: WorkerLogger;
  /** Sends the answer, and acknowledges the delivery when it is sent. */
  readonly reply: (to: Addressee, answer: Answer, delivery: Delivery) => void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/**
 * Turns commands into answers. Those in mode `transaction` go through the barrier in groups, which share a transaction;
 * the others one by one.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #runningOptions: RunningOptions;
  readonly #groups: Groups<Running>;
  /** By effect key: a duplicate of a command that runs here shares its run. */
  readonly #running = new Map<string, Running>();
  readonly #times = new HandlerTimes();
  readonly #shutdown = new AbortController();
  #draining = false;
  #trouble: string | undefined;
  #whenIdle: () => void = () => undefined;

  constructor(options: RunnerOptions) {
    const { logger } = options;
    this.#options = options;
    this.#runningOptions = {
      ...options,
      onHeartbeatTrouble: (of, error) =>
        logger.warn(`a heartbeat was not sent: ${String(error)}`, factsOfCommand(of)),
      onTook: (handler, ms) => this.#times.learn(handler, ms),
      onAnswer: (running, answer) => {
        this.#trouble = undefined;
        this.#answer(running, answer);
      },
      onUndecided: ({ command, tries }, { message }) => {
        this.#trouble = message;
        logger.warn(message, { ...factsOfCommand(command), tries });
      },
    };
    this.#groups = new Groups({
      slots: options.concurrency,
      expectedMs: ({ handler }) =>
        handler.barrier === 'transaction' ? this.#times.expected(handler) : undefined,
      perform: (group) => this.#perform(group),
      refuse: (group) => this.#forgetAll(group),
    });
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Why the worker's database does not answer; undefined when it does, or was not needed yet. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Replies to it, unless the worker stops before. */
  run(asked: Asked): void {
    const { command, delivery } = asked;
    const same = this.#running.get(command.effectkey);
    if (same) return same.share(asked);
    const handler = this.#options.handlers.find(command.direction, command.worker);
    if (!handler) {
      const answer = unknownWorker(command);
      this.#options.reply(command, answer, delivery);
      return this.#tell(command, answer);
    }
    const running = new Running(asked, handler, this.#runningOptions);
    this.#running.set(command.effectkey, running);
    this.#groups.push(running);
  }

  /** Nobody waits for this effect any more: aborts the signal of its handler, if it is running here. */
  cancel(effectKey: string, reason: NoticeReason): void {
    this.#running.get(effectKey)?.abort(new EffectCancelled(reason));
  }

  /** Waits up to `drainMs` for what runs, then aborts its signals and waits up to the handlers' grace. */
  async stop(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#groups.close();
    await this.#idle(drainMs);
    const reason = new WorkerStopped('the worker stops');
    this.#shutdown.abort(reason);
    for (const running of this.#running.values()) running.abort(reason);
    await this.#idle(this.#options.graceMs);
  }

  #answer(running: Running, answer: Answer): void {
    for (const { command, delivery } of running.asked) this.#options.reply(command, answer, delivery);
    this.#forget(running);
    this.#tell(running.command, answer);
  }

  #forget({ command }: Running): void {
    this.#running.delete(command.effectkey);
    if (this.#running.size === 0) this.#whenIdle();
  }

  #forgetAll(group: readonly Running[]): void {
    for (const running of group) this.#forget(running);
  }

  /** Answers each of them, unless it has to stop. */
  async #perform(group: readonly Running[]): Promise<void> {
    for (let left = group, tries = 0; ; tries += 1) {
      // While it drains it does not wait for a database: the commands are delivered again to another worker.
      if (this.#draining && tries > 0) return this.#forgetAll(left);
      left = left.filter((running) => this.#isWanted(running));
      if (left.length > 0) await this.#options.barrier.perform(left);
      left = left.filter(({ isAnswered }) => !isAnswered);
      if (left.length === 0) return;
      const pause = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tries) * (0.5 + Math.random() / 2);
      await delay(pause, undefined, { signal: this.#shutdown.signal }).catch(() => undefined);
    }
  }

  /** Answers those that nobody waits for any more. */
  #isWanted(running: Running): boolean {
    const { cancelled } = running;
    if (!cancelled) return true;
    // It waited for its turn until nobody wanted it: without a row in the barrier, its undo has nothing to do.
    this.#answer(running, cancelledAnswer(cancelled));
    return false;
  }

  #tell(command: Command, answer: Answer): void {
    const { logger } = this.#options;
    const facts = factsOfCommand(command);
    if (answer.outcome === 'succeeded') logger.debug('succeeded', facts);
    else if (answer.outcome === 'rejected') logger.info('rejected', { ...facts, ...answer.error });
    else logger.warn('failed', { ...facts, ...answer.error, retryable: answer.retryable });
  }

  async #idle(ms: number): Promise<void> {
    if (this.#running.size === 0) return;
    const enough = new AbortController();
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    const late = delay(ms, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([idle, late]);
    enough.abort();
  }
}

function cancelledAnswer({ code, message }: EffectCancelled): Answer {
  return { outcome: 'failed', error: { code, message }, retryable: false };
}

function unknownWorker(command: Command): Answer {
  const kind = command.direction === 'forward' ? 'step' : 'compensation';
  return {
    outcome: 'failed',
    error: { code: 'UNKNOWN_WORKER', message: `no ${kind} handler here is named ${command.worker}` },
    retryable: false,
  };
}
