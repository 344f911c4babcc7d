import type { HandlerContext, ProgressSink } from '@counterstep/core';
import type { Command, Direction } from '@counterstep/protocol';
import type { PoolClient } from 'pg';
import { WorkerConfigError } from './errors.js';

/** What a handler is told about the command it serves, and what it can tell back while it runs. */
export interface StepContext<Tx = PoolClient> extends HandlerContext {
  /**
   * The barrier's transaction: write through it, never end it. A `PoolClient` of pg, or TypeORM's `EntityManager`, as the
   * worker's database is. Throws in every barrier mode but `transaction`.
   */
  readonly tx: Tx;
  /**
   * Aborted at the attempt's deadline (a `TimeoutError`), when nobody waits for the effect any more (`EffectCancelled`),
   * and when the worker shuts down and has waited long enough (`WorkerStopped`).
   */
  readonly signal: AbortSignal;
  /**
   * Tells that the handler lives, and gives the attempt its whole timeout from now on. Call it as often as you like: at
   * most one in a third of the timeout is sent. With `undoData` (JSON, instead of what was told before) each new value is
   * sent, and the promise resolves when the broker has it: from then on the compensation is given it, however the handler
   * ends. Rejects with `UndoDataInvalid`, with `HEARTBEAT_TOO_LARGE`, and with the signal's reason while it waits.
   */
  heartbeat(undoData?: unknown): Promise<void>;
}

/** What of the context belongs to one run of a handler. */
export interface RunFacilities {
  readonly tx: unknown;
  readonly signal: AbortSignal;
  /** The newest attempt that it serves. */
  readonly newest: Command;
  readonly sink: ProgressSink;
  heartbeat(undoData: unknown): Promise<void>;
}

/** Made for each command, while most handlers read little of it: so what can be made when it is asked for, is. */
export class RunContext implements StepContext<unknown> {
  readonly sagaId: string;
  readonly step: string;
  readonly run: number;
  readonly attempt: number;
  readonly direction: Direction;
  readonly effectKey: string;
  readonly traceparent: string | undefined;
  readonly #run: RunFacilities;

  constructor(command: Command, run: RunFacilities) {
    this.sagaId = command.sagaid;
    this.step = command.step;
    this.run = command.run;
    this.attempt = command.attempt;
    this.direction = command.direction;
    this.effectKey = command.effectkey;
    this.traceparent = command.traceparent;
    this.#run = run;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get tx(): unknown {
    const { tx, newest } = this.#run;
    if (tx !== undefined) return tx;
    throw new WorkerConfigError(`${newest.worker}: context.tx exists only in barrier mode 'transaction'`);
  }

  /* Functions and not methods: a handler may take them out of the context. */

  get heartbeat(): StepContext['heartbeat'] {
    return (undoData) => this.#run.heartbeat(undoData);
  }

  get setProgress(): StepContext['setProgress'] {
    return (current, total, category = this.step) => {
      this.#run.sink.progress(this.#run.newest, current, total, category);
    };
  }

  get log(): StepContext['log'] {
    return (event, data = {}, file) => {
      this.#run.sink.log(this.#run.newest, event, data, file);
    };
  }

  get setMetrics(): StepContext['setMetrics'] {
    return (values, category = this.step) => {
      this.#run.sink.metrics(this.#run.newest, values, category);
    };
  }
}
