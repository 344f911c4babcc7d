import { ValidationError } from '@counterstep/core';
import type { HandlerContext, Problem, Workflow } from '@counterstep/core';

/** What a handler in process is told, and can tell back. A handler of @counterstep/worker is told all of it too. */
export interface InProcessContext extends HandlerContext {
  /**
   * Aborted at the attempt's deadline (a `TimeoutError`), and when nobody waits for the effect any more
   * (`EffectCancelled`).
   */
  readonly signal: AbortSignal;
  /**
   * Tells that the handler lives, and gives the attempt its whole timeout from now on. With `undoData` (JSON, instead of
   * what was told before) the compensation is given it from then on, however the handler ends. Rejects with
   * `UndoDataInvalid`, and with `HEARTBEAT_TOO_LARGE`.
   */
  heartbeat(undoData?: unknown): Promise<void>;
}

/* A method, so that a handler may name the type of its input. */
interface Handles {
  run(input: unknown, context: InProcessContext): unknown;
}

/**
 * An action gets its step's input and returns the output, as it is or by `withUndoData`; a compensation gets an `Undo`. To throw
 * `StepRejected` promises that nothing happened; anything else that is thrown is a failure, which `NonRetryable` forbids to
 * try again.
 */
export type InProcessHandler = Handles['run'];

/** By the name that the workflow calls it by: `payments.charge`. */
export type InProcessHandlers = Readonly<Record<string, InProcessHandler>>;

/** Throws `ValidationError` (`HANDLER_MISSING`) that names every action and compensation without a handler. */
export function refuseMissing(workflow: Workflow, handlers: InProcessHandlers): void {
  const missing = new Map<string, Problem>();
  for (const path of workflow.paths()) {
    const member = workflow.member(path);
    if (member.kind !== 'step') continue;
    for (const [worker, what] of [
      [member.worker, 'action'],
      [member.compensation, 'compensation'],
    ] as const) {
      if (worker === undefined || missing.has(worker) || handlerOf(handlers, worker)) continue;
      const message = `no handler is named ${worker}, the ${what} of ${path}`;
      const mend = `add a function under the name '${worker}'`;
      missing.set(worker, { code: 'HANDLER_MISSING', message, mend, step: path });
    }
  }
  if (missing.size === 0) return;
  const names = [...missing.keys()].join(', ');
  throw new ValidationError('HANDLER_MISSING', `${workflow.name} needs handlers for: ${names}`, [
    ...missing.values(),
  ]);
}

/** Undefined when there is none of that name, or it is no function. */
export function handlerOf(handlers: InProcessHandlers, worker: string): InProcessHandler | undefined {
  const handler: unknown = Object.hasOwn(handlers, worker) ? handlers[worker] : undefined;
  return typeof handler === 'function' ? (handler as InProcessHandler) : undefined;
}
