import {
  CLAIMED,
  EffectCancelled,
  HeartbeatTooLarge,
  NonRetryable,
  answerOf,
  deadlinePassed,
  enterBarrier,
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
import { factsOfCommand } from './sink.js';

export interface LocalWorkerOptions {
  readonly handlers: InProcessHandlers;
  readonly clock: Clock;
  readonly sink: ProgressSink;
  readonly logger: Logger;
  /** Brings the orchestrator what a handler says; the reason when it is too large. */
  readonly say: (message: Reply | Heartbeat) => string | undefined;
}

const SOURCE = 'counterstep-in-process';

/** One run of a handler, which may serve several attempts. */
interface Running {
  /** The newest attempt. */
  command: Command;
  readonly abort: AbortController;
  readonly answer: Promise<Answer>;
}

/**
 * Runs the handlers of its process, by the rules by which a worker runs its own: the barrier's, in memory, and those of what
 * a handler's end means.
 */
export class LocalWorker implements Receiver {
  readonly #options: LocalWorkerOptions;
  /** The barrier's table. */
  readonly #rows: Record<string, BarrierRow> = {};
  /** By effect key: an attempt at what still runs shares its run. */
  readonly #running = new Map<string, Running>();
  #heartbeats = 0;

  constructor(options: LocalWorkerOptions) {
    this.#options = options;
  }

  take(command: Command): void {
    const running = this.#running.get(command.effectkey) ?? this.#begin(command);
    if (command.attempt > running.command.attempt) running.command = command;
    void running.answer.then((answer) => {
      this.#reply(command, answer);
    });
  }

  cancel({ effectkey, reason }: Notice): void {
    this.#running.get(effectkey)?.abort.abort(new EffectCancelled(reason));
  }

  /** Resolves when no handler runs. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ answer }) => answer));
  }

  /** Nobody waits for what still runs. */
  stop(): void {
    for (const { abort } of this.#running.values()) abort.abort(new EffectCancelled('superseded'));
  }

  #begin(command: Command): Running {
    const abort = new AbortController();
    const running: Running = {
      command,
      abort,
      // A turn later: whoever sends the command has its own work to end.
      answer: Promise.resolve().then(() => this.#passBarrier(running)),
    };
    this.#running.set(command.effectkey, running);
    return running;
  }

  async #passBarrier(running: Running): Promise<Answer> {
    const { effectkey, barrier } = running.command;
    try {
      // A process has no transaction that could take back what a handler did.
      if (barrier === 'none') return settle(CLAIMED, await this.#perform(running)).answer;
      const entered = enterBarrier(this.#rows, orderOf(running.command, 'external'));
      Object.assign(this.#rows, entered.changed);
      if (!entered.admission.run) return entered.admission.answer;
      const left = leaveBarrier(this.#rows, effectkey, await this.#perform(running));
      Object.assign(this.#rows, left.changed);
      return left.answer;
    } finally {
      this.#running.delete(effectkey);
    }
  }

  async #perform(running: Running): Promise<HandlerAnswer> {
    const { command, abort } = running;
    const { handlers, clock } = this.#options;
    let isOver = false;
    let forget = (): void => undefined;
    const extend = (): void => {
      forget();
      if (!isOver) forget = clock.after(command.timeout, () => abort.abort(deadlinePassed()));
    };
    let told: string | undefined;
    const beat = async (undoData: unknown): Promise<void> => {
      if (isOver) return;
      const text = undoData === undefined ? undefined : undoDataText(undoData);
      extend();
      const isNews = text !== undefined && text !== told;
      if (!isNews && abort.signal.aborted) return;
      const message = heartbeatTo(running.command, isNews ? undoData : undefined, ++this.#heartbeats, SOURCE);
      const refused = this.#options.say(message);
      if (refused !== undefined) throw new HeartbeatTooLarge(refused);
      if (isNews) told = text;
    };
    extend();
    try {
      const handler = handlerOf(handlers, command.worker);
      if (!handler)
        throw new NonRetryable({ code: 'UNKNOWN_WORKER', message: `no handler is named ${command.worker}` });
      return answerOf({ returned: await handler(command.data, this.#contextOf(running, beat)) });
    } catch (thrown) {
      return answerOf({ thrown, aborted: abort.signal.reason });
    } finally {
      isOver = true;
      forget();
    }
  }

  #contextOf(running: Running, beat: (undoData: unknown) => Promise<void>): InProcessContext {
    const { command, abort } = running;
    const { sink, logger } = this.#options;
    const context: InProcessContext = {
      sagaId: command.sagaid,
      step: command.step,
      run: command.run,
      attempt: command.attempt,
      direction: command.direction,
      effectKey: command.effectkey,
      traceparent: command.traceparent,
      signal: abort.signal,
      heartbeat: (undoData) => {
        const beating = beat(undoData);
        beating.catch((error: unknown) => {
          // Its handler may not have waited for it.
          logger.warn(`a heartbeat was not sent: ${String(error)}`, factsOfCommand(command));
        });
        return beating;
      },
      setProgress: (current, total, category = command.step) => {
        sink.progress(running.command, current, total, category);
      },
      log: (event, data = {}, file) => {
        sink.log(running.command, event, data, file);
      },
      setMetrics: (values, category = command.step) => {
        sink.metrics(running.command, values, category);
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
