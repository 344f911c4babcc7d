import { setTimeout as delay } from 'node:timers/promises';
import type { Command, NoticeReason } from '@counterstep/protocol';
import { BarrierUnavailable, type Answer, type Barrier, type BarrierOrder } from './barrier/barrier.js';
import { factsOfCommand } from './context.js';
import { effectOf, type EffectOptions, type EffectRun } from './effect.js';
import { EffectCancelled } from './errors.js';
import type { Handler, HandlerTable } from './handlers.js';
import type { WorkerLogger } from './logger.js';
import { Slots } from './slots.js';

export interface RunnerOptions extends Omit<EffectOptions, 'shutdown' | 'onHeartbeatTrouble'> {
  readonly handlers: HandlerTable;
  readonly barrier: Barrier;
  /** Commands that run at the same time. */
  readonly concurrency: number;
  readonly logger: WorkerLogger;
}

/** The worker stops and has not answered the command; it will be delivered again. */
export class WorkerStopped extends Error {
  readonly code = 'WORKER_STOPPED';
  readonly retryable = true;
}

/** One run of a handler, that goes on or waits for a slot. */
interface Running {
  readonly run: EffectRun;
  readonly answer: Promise<Answer>;
  cancel(reason: NoticeReason): void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/**
 * Turns commands into answers. The group is the unit, so that barrier rows can be read and written in groups; a group is
 * one command as long as the barrier does not gain by more.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #slots: Slots;
  /** By effect key: a duplicate of a command that runs here shares its run. */
  readonly #running = new Map<string, Running>();
  readonly #shutdown = new AbortController();
  #draining = false;
  #trouble: string | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
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
      if (command.attempt > running.run.command.attempt) running.run.command = command;
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
    this.#slots.close(() => new WorkerStopped('the worker stops'));
    await this.#settled(drainMs);
    this.#shutdown.abort(new WorkerStopped('the worker stops'));
    await this.#settled(this.#options.graceMs);
  }

  #begin(command: Command): Running {
    const cancelling = new AbortController();
    const run: EffectRun = { command, cancelled: cancelling.signal };
    const running: Running = {
      run,
      answer: this.#slots.run(() => this.#answer(run)),
      cancel: (reason) => cancelling.abort(new EffectCancelled(reason)),
    };
    this.#running.set(command.effectkey, running);
    const forget = (): void => void this.#running.delete(command.effectkey);
    running.answer.then(forget, forget);
    return running;
  }

  async #answer(run: EffectRun): Promise<Answer> {
    const { command, cancelled } = run;
    // It waited for its slot until nobody wanted it: without a row in the barrier, its undo has nothing to do.
    if (cancelled.aborted) return this.#tell(command, cancelledAnswer(cancelled.reason as EffectCancelled));
    const handler = this.#options.handlers.find(command.direction, command.worker);
    if (!handler) return unknownWorker(command);
    const effect = effectOf(run, handler, {
      ...this.#options,
      shutdown: this.#shutdown.signal,
      onHeartbeatTrouble: (of, error) =>
        this.#options.logger.warn(`a heartbeat was not sent: ${String(error)}`, factsOfCommand(of)),
    });
    const order = orderOf(command, handler);
    for (let tries = 0; ; tries += 1) {
      // While it drains it does not wait for a database: the command is delivered again to another worker.
      if (this.#draining) throw new WorkerStopped('the worker stops');
      try {
        const [answer] = this.#options.barrier.perform([{ order, effect }]);
        if (!answer) throw new TypeError('the barrier gave no answer');
        const settled = await answer;
        this.#trouble = undefined;
        return this.#tell(command, settled);
      } catch (error) {
        if (!(error instanceof BarrierUnavailable)) throw error;
        this.#trouble = error.message;
        this.#options.logger.warn(error.message, { ...factsOfCommand(command), tries: tries + 1 });
        const pause = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tries) * (0.5 + Math.random() / 2);
        await delay(pause, undefined, { signal: this.#shutdown.signal }).catch(() => undefined);
      }
    }
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

function orderOf(command: Command, handler: Handler): BarrierOrder {
  return {
    mode: handler.barrier,
    sagaId: command.sagaid,
    step: command.step,
    run: command.run,
    attempt: command.attempt,
    direction: command.direction,
    effectKey: command.effectkey,
    timeoutMs: command.timeout,
    ...(command.forwardkey === undefined ? {} : { forwardKey: command.forwardkey }),
    ...(command.forwardoutcome === undefined ? {} : { forwardOutcome: command.forwardoutcome }),
  };
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
