import type { HandlerContext, ProgressSink } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
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
  readonly deadline: { readonly signal: AbortSignal };
  readonly heartbeat: (undoData?: unknown) => Promise<void>;
  /** The newest attempt that it serves. */
  readonly newest: () => Command;
}

export function contextOf(
  command: Command,
  { tx, deadline, heartbeat, newest }: RunFacilities,
  sink: ProgressSink,
): StepContext<unknown> {
  return {
    sagaId: command.sagaid,
    step: command.step,
    run: command.run,
    attempt: command.attempt,
    direction: command.direction,
    effectKey: command.effectkey,
    traceparent: command.traceparent,
    get signal() {
      return deadline.signal;
    },
    get tx() {
      if (tx === undefined) {
        throw new WorkerConfigError(
          `${command.worker}: context.tx exists only in barrier mode 'transaction'`,
        );
      }
      return tx;
    },
    heartbeat,
    setProgress: (current, total, category = command.step) => {
      sink.progress(newest(), current, total, category);
    },
    log: (event, data = {}, file) => {
      sink.log(newest(), event, data, file);
    },
    setMetrics: (values, category = command.step) => {
      sink.metrics(newest(), values, category);
    },
  };
}

/** The facts that every log line about a command carries. */
export function factsOfCommand(command: Command): Record<string, unknown> {
  const { sagaid: sagaId, step, attempt, worker, effectkey: effectKey } = command;
  return { sagaId, step, attempt, worker, effectKey };
}
