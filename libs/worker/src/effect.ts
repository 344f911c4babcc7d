import { findJsonProblem, type Command } from '@counterstep/protocol';
import type * as z from 'zod';
import type { Effect, EffectResult } from './barrier/barrier.js';
import { contextOf, type ProgressSink } from './context.js';
import { factsOf, NonRetryable, StepRejected } from './errors.js';
import { WithUndoData, type Handler } from './handlers.js';

export interface EffectOptions {
  readonly sink: ProgressSink;
  /** Aborted when the worker shuts down and has waited long enough. */
  readonly shutdown: AbortSignal;
  /** Milliseconds that a handler may overrun its aborted signal while it holds the barrier's transaction. */
  readonly graceMs: number;
}

/** What the barrier runs for one command: check the input, call the handler under its deadline, check the output. */
export function effectOf(command: Command, handler: Handler, options: EffectOptions): Effect {
  let definite: EffectResult | undefined;
  return async (tx) => {
    // The barrier asks again when its database went away before it could store the end. Outside a transaction the effect
    // stands, so it must not be made a second time.
    if (tx === undefined && definite !== undefined) return definite;
    const result = await runOnce(command, handler, tx, options);
    if (result.outcome !== 'failed') definite = result;
    return result;
  };
}

async function runOnce(
  command: Command,
  handler: Handler,
  tx: unknown,
  { sink, shutdown, graceMs }: EffectOptions,
): Promise<EffectResult> {
  if (command.barrier !== undefined && command.barrier !== handler.barrier) {
    const message = `the step demands barrier '${command.barrier}', and ${handler.worker} has '${handler.barrier}'`;
    return { outcome: 'rejected', error: { code: 'BARRIER_MISMATCH', message } };
  }
  const deadline = new Deadline(command.timeout, shutdown);
  try {
    const input = await parse(handler.input, command.data);
    if (!input.ok) return { outcome: 'rejected', error: factsOf(input, 'INPUT_INVALID') };
    const running = Promise.resolve(handler.run(input.value, contextOf(command, tx, deadline.signal, sink)));
    // Outside a transaction nothing is gained by giving up: the effect may stand, and its end must be told.
    const returned = tx === undefined ? await running : await deadline.orGiveUp(running, graceMs);
    return await resultOf(handler, returned);
  } catch (thrown) {
    return failureOf(thrown);
  } finally {
    deadline.clear();
  }
}

async function resultOf(handler: Handler, returned: unknown): Promise<EffectResult> {
  const withData: WithUndoData<unknown> =
    returned instanceof WithUndoData ? returned : new WithUndoData(returned, undefined);
  const { output, undoData } = withData;
  const parsed = await parse(handler.output, output);
  if (!parsed.ok) return outputInvalid(parsed.message);
  const problem = jsonProblem({ output: parsed.value, undoData });
  if (problem !== undefined) return outputInvalid(problem);
  return { outcome: 'succeeded', output: parsed.value, undoData };
}

function outputInvalid(message: string): EffectResult {
  return { outcome: 'failed', error: factsOf({ message }, 'OUTPUT_INVALID'), retryable: true };
}

function failureOf(thrown: unknown): EffectResult {
  if (StepRejected.is(thrown)) return { outcome: 'rejected', error: factsOf(thrown, 'REJECTED') };
  if (thrown instanceof GaveUp) {
    return { outcome: 'failed', error: factsOf(thrown), retryable: true, abandoned: true };
  }
  return { outcome: 'failed', error: factsOf(thrown), retryable: !NonRetryable.is(thrown), thrown };
}

type Parsed = { ok: true; value: unknown } | { ok: false; message: string };

async function parse(schema: z.ZodType | undefined, value: unknown): Promise<Parsed> {
  if (schema === undefined) return { ok: true, value };
  const parsed = await schema.safeParseAsync(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`,
  );
  return { ok: false, message: problems.join('; ') };
}

function jsonProblem(value: unknown): string | undefined {
  const problem = findJsonProblem(value);
  if (problem) return `${problem.path}: ${problem.message}`;
  try {
    JSON.stringify(value);
    return undefined;
  } catch (error) {
    return factsOf(error).message;
  }
}

class GaveUp extends Error {
  readonly code = 'DEADLINE_EXCEEDED';
  constructor() {
    super('the handler did not end after its signal was aborted, so its transaction was rolled back');
    this.name = 'GaveUp';
  }
}

/** An abort signal for the attempt's deadline and the shutdown, whichever comes first. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #shutdown: AbortSignal;
  #grace: NodeJS.Timeout | undefined;
  readonly #onShutdown = (): void => this.#controller.abort(this.#shutdown.reason);

  constructor(timeoutMs: number, shutdown: AbortSignal) {
    this.#shutdown = shutdown;
    this.#timer = setTimeout(
      () => {
        this.#controller.abort(new DOMException('the attempt’s deadline has passed', 'TimeoutError'));
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    if (shutdown.aborted) this.#onShutdown();
    else shutdown.addEventListener('abort', this.#onShutdown, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async orGiveUp<T>(running: Promise<T>, graceMs: number): Promise<T> {
    const gaveUp = new Promise<never>((_, reject) => {
      const startGrace = (): void => {
        this.#grace = setTimeout(() => reject(new GaveUp()), graceMs);
      };
      if (this.signal.aborted) startGrace();
      else this.signal.addEventListener('abort', startGrace, { once: true });
    });
    // Whichever loses the race may still reject, and nobody listens to it then.
    running.catch(() => undefined);
    gaveUp.catch(() => undefined);
    return Promise.race([running, gaveUp]);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
    this.#shutdown.removeEventListener('abort', this.#onShutdown);
  }
}

/** A longer delay overflows Node's timers, which then fire at once. */
const MAX_TIMER_MS = 2_147_483_647;
