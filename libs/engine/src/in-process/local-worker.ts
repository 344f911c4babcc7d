import {
  CLAIMED,
  EffectCancelled,
  HeartbeatTooLarge,
  NonRetryable,
  answerOf,
  enterBarrier,
  factsOfCommand,
  heartbeatTo,
  leaveBarrier,
  orderOf,
  replyTo,
  replyTooLarge,
  settle,
  undoDataText,
} from '@counterstep/core';
import type { Answer, BarrierRow, HandlerAnswer, ProgressSink } from '@counterstep/core';
import type { Command, Heartbeat, Notice, Reply } from '@counterstep/protocol';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { handlerOf } from './handlers.js';
import type { InProcessContext, InProcessHandlers } from './handlers.js';
import type { Receiver } from './in-process-bus.js';
import { LocalRun } from './local-run.js';

export interface LocalWorkerOptions {
  readonly handlers: InProcessHandlers;
  readonly clock: Clock;
  readonly sink: ProgressSink;
  readonly logger: Logger;
  /** Brings the orchestrator what a handler says; the reason when it is too large. */
  readonly say: (message: Reply | Heartbeat) => string | undefined;
}

const SOURCE = 'counterstep-in-process';

/**
 * Runs the handlers of its process, by the rules by which a worker runs its own: the barrier's, in memory, and those of what
 * a handler's end means.
 */
export class LocalWorker implements Receiver {
  readonly #options: LocalWorkerOptions;
  /** The barrier's table. */
  readonly #rows: Record<string, BarrierRow> = {};
  /** By effect key: an attempt at what still runs shares its run. */
  readonly #running = new Map<string, LocalRun>();
  #heartbeats = 0;

  constructor(options: LocalWorkerOptions) {
    this.#options = options;
  }

  take(command: Command): void {
    const run = this.#running.get(command.effectkey) ?? this.#begin(command);
    if (command.attempt > run.command.attempt) run.command = command;
    void run.answer.then((answer) => {
      this.#reply(command, answer);
    });
  }

  cancel({ effectkey, reason }: Notice): void {
    this.#running.get(effectkey)?.abort(new EffectCancelled(reason));
  }

  /** Resolves when no handler runs. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ answer }) => answer));
  }

  #begin(command: Command): LocalRun {
    const run = new LocalRun(command, this.#options.clock, (started) => this.#passBarrier(started));
    this.#running.set(command.effectkey, run);
    return run;
  }

  async #passBarrier(run: LocalRun): Promise<Answer> {
    const { effectkey, barrier } = run.command;
    try {
      // A process has no transaction that could take back what a handler did.
      if (barrier === 'none') return settle(CLAIMED, await this.#perform(run)).answer;
      const entered = enterBarrier(this.#rows, orderOf(run.command, 'external'));
      Object.assign(this.#rows, entered.changed);
      if (!entered.admission.run) return entered.admission.answer;
      const left = leaveBarrier(this.#rows, effectkey, await this.#perform(run));
      Object.assign(this.#rows, left.changed);
      return left.answer;
    } finally {
      this.#running.delete(effectkey);
    }
  }

  async #perform(run: LocalRun): Promise<HandlerAnswer> {
    const { command, signal } = run;
    try {
      const handler = handlerOf(this.#options.handlers, command.worker);
      if (!handler)
        throw new NonRetryable({
          code: 'UNKNOWN_WORKER',
          message: `no handler is named ${command.worker}`,
        });
      run.extend();
      return answerOf({ returned: await handler(command.data, this.#contextOf(run)) });
    } catch (thrown) {
      return answerOf({ thrown, aborted: signal.reason });
    } finally {
      run.end();
    }
  }

  async #beat(run: LocalRun, undoData: unknown): Promise<void> {
    if (run.isOver) return;
    const text = undoData === undefined ? undefined : undoDataText(undoData);
    run.extend();
    const isNews = text !== undefined && text !== run.told;
    if (!isNews && run.signal.aborted) return;
    const nth = ++this.#heartbeats;
    const refused = this.#options.say(heartbeatTo(run.command, isNews ? undoData : undefined, nth, SOURCE));
    if (refused !== undefined) throw new HeartbeatTooLarge(refused);
    if (isNews) run.told = text;
  }

  #contextOf(run: LocalRun): InProcessContext {
    const { command, signal } = run;
    const { sink, logger } = this.#options;
    const context: InProcessContext = {
      sagaId: command.sagaid,
      step: command.step,
      run: command.run,
      attempt: command.attempt,
      direction: command.direction,
      effectKey: command.effectkey,
      traceparent: command.traceparent,
      signal,
      heartbeat: (undoData) => {
        const beating = this.#beat(run, undoData);
        beating.catch((error: unknown) => {
          // Its handler may not have waited for it.
          logger.warn(`a heartbeat was not sent: ${String(error)}`, factsOfCommand(command));
        });
        return beating;
      },
      setProgress: (current, total, category = command.step) => {
        sink.progress(run.command, current, total, category);
      },
      log: (event, data = {}, file) => {
        sink.log(run.command, event, data, file);
      },
      setMetrics: (values, category = command.step) => {
        sink.metrics(run.command, values, category);
      },
    };
    // A handler that was written for a worker's transaction is told so at once. Hidden, so that a context may be copied.
    return Object.defineProperty(context, 'tx', { get: noTransaction });
  }

  #reply(command: Command, answer: Answer): void {
    const refused = this.#options.say(replyTo(command, answer, SOURCE));
    if (refused !== undefined) this.#options.say(replyTo(command, replyTooLarge(refused), SOURCE));
  }
}

function noTransaction(): never {
  const message = 'context.tx exists only in a worker, in barrier mode transaction';
  throw new NonRetryable({ code: 'NO_TRANSACTION', message });
}
