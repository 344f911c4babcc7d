import { setTimeout as delay } from 'node:timers/promises';
import { orderOf, type Answer, type EffectCancelled } from '@counterstep/core';
import type { Command, NoticeReason } from '@counterstep/protocol';
import type { Barrier, BarrierEntry, BarrierUnavailable, Effect } from './barrier/barrier.js';
import { factsOfCommand } from './context.js';
import { effectOf, type EffectOptions } from './effect.js';
import { Groups } from './groups.js';
import { HandlerTimes } from './handler-times.js';
import type { Handler, HandlerTable } from './handlers.js';
import { LazyAbort } from './lazy-abort.js';
import type { WorkerLogger } from './logger.js';
import { Running, WorkerStopped } from './running.js';

export interface RunnerOptions extends Omit<EffectOptions, 'shutdown' | 'onHeartbeatTrouble'> {
  readonly handlers: HandlerTable;
  readonly barrier: Barrier;
  /** Commands, or groups of commands that share a transaction, that run at the same time. */
  readonly concurrency: number;
  readonly logger: WorkerLogger;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/**
 * Turns commands into answers. Those in mode `transaction` go through the barrier in groups, which share a transaction;
 * the others one by one.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #effectOptions: EffectOptions;
  readonly #groups: Groups<Running>;
  /** By effect key: a duplicate of a command that runs here shares its run. */
  readonly #running = new Map<string, Running>();
  readonly #times = new HandlerTimes();
  readonly #shutdown = new LazyAbort();
  #draining = false;
  #trouble: string | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#effectOptions = {
      ...options,
      shutdown: this.#shutdown,
      onHeartbeatTrouble: (of, error) =>
        options.logger.warn(`a heartbeat was not sent: ${String(error)}`, factsOfCommand(of)),
    };
    this.#groups = new Groups({
      slots: options.concurrency,
      expectedMs: ({ handler }) =>
        handler?.barrier === 'transaction' ? this.#times.expected(handler) : undefined,
      perform: (group) => this.#perform(group),
      refuse: (group) => {
        this.#stop(group);
      },
    });
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Why the worker's database does not answer; undefined when it does, or was not needed yet. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** The answers settle one by one; they reject only with `WorkerStopped`. */
  run(group: readonly Command[]): readonly Promise<Answer>[] {
    return group.map((command) => {
      const running = this.#running.get(command.effectkey) ?? this.#begin(command);
      if (command.attempt > running.command.attempt) running.command = command;
      return running.answer;
    });
  }

  /** Nobody waits for this effect any more: aborts the signal of its handler, if it is running here. */
  cancel(effectKey: string, reason: NoticeReason): void {
    this.#running.get(effectKey)?.cancel(reason);
  }

  /** Waits up to `drainMs` for what runs, then aborts its signals and waits up to the handlers' grace. */
  async stop(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#groups.close();
    await this.#settled(drainMs);
    this.#shutdown.abort(new WorkerStopped('the worker stops'));
    await this.#settled(this.#options.graceMs);
  }

  #begin(command: Command): Running {
    const running = new Running(command, this.#options.handlers.find(command.direction, command.worker));
    this.#running.set(command.effectkey, running);
    this.#groups.push(running);
    return running;
  }

  #settle(running: Running, answer: Answer): void {
    this.#running.delete(running.command.effectkey);
    running.settle(answer);
  }

  #stop(group: readonly Running[]): void {
    for (const running of group) {
      this.#running.delete(running.command.effectkey);
      running.stop();
    }
  }

  /** Settles each of them. */
  async #perform(group: readonly Running[]): Promise<void> {
    let left = group;
    for (let tries = 0; left.length > 0; tries += 1) {
      // While it drains it does not wait for a database: the commands are delivered again to another worker.
      if (this.#draining && tries > 0) {
        this.#stop(left);
        return;
      }
      const wanted = left.filter((running) => this.#isWanted(running));
      left = await this.#performOnce(wanted, tries);
      if (left.length === 0) return;
      const pause = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tries) * (0.5 + Math.random() / 2);
      await delay(pause, undefined, { signal: this.#shutdown.signal }).catch(() => undefined);
    }
  }

  /** Those that the barrier's database could not decide. */
  async #performOnce(group: readonly Running[], tries: number): Promise<Running[]> {
    const entries = group.flatMap((running): BarrierEntry[] => {
      const { command, handler } = running;
      if (!handler) return [];
      running.effect ??= this.#effectOf(running, handler);
      return [{ order: orderOf(command, handler.barrier), effect: running.effect }];
    });
    const undecided: Running[] = [];
    const decided = this.#options.barrier.perform(entries).map(async (answer, index) => {
      const running = group[index] as Running;
      const { command } = running;
      try {
        const settled = await answer;
        this.#trouble = undefined;
        this.#settle(running, this.#tell(command, settled));
      } catch (error) {
        const { message } = error as BarrierUnavailable;
        this.#trouble = message;
        this.#options.logger.warn(message, { ...factsOfCommand(command), tries: tries + 1 });
        undecided.push(running);
      }
    });
    await Promise.all(decided);
    return undecided;
  }

  /** Answers those that no handler has to be asked for. */
  #isWanted(running: Running): boolean {
    const { command, cancelled, handler } = running;
    // It waited for its turn until nobody wanted it: without a row in the barrier, its undo has nothing to do.
    if (cancelled.reason !== undefined)
      this.#settle(running, this.#tell(command, cancelledAnswer(cancelled.reason as EffectCancelled)));
    else if (!handler) this.#settle(running, unknownWorker(command));
    return cancelled.reason === undefined && handler !== undefined;
  }

  #effectOf(running: Running, handler: Handler): Effect {
    const effect = effectOf(running, handler, this.#effectOptions);
    return async (tx, keepAlive) => {
      const began = performance.now();
      try {
        return await effect(tx, keepAlive);
      } finally {
        this.#times.learn(handler, performance.now() - began);
      }
    };
  }

  #tell(command: Command, answer: Answer): Answer {
    const facts = { ...factsOfCommand(command), direction: command.direction };
    if (answer.outcome === 'succeeded') this.#options.logger.debug('succeeded', facts);
    else if (answer.outcome === 'rejected')
      this.#options.logger.info('rejected', { ...facts, ...answer.error });
    else this.#options.logger.warn('failed', { ...facts, ...answer.error, retryable: answer.retryable });
    return answer;
  }

  async #settled(ms: number): Promise<void> {
    const enough = new AbortController();
    const all = Promise.allSettled([...this.#running.values()].map(({ answer }) => answer));
    const late = delay(ms, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([all, late]);
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
