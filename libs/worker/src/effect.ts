import { answerOf, EffectCancelled, factsOf, outputInvalid, partsOf, withUndoData } from '@counterstep/core';
import type { ProgressSink } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import type * as z from 'zod';
import type { EffectResult } from './barrier/barrier.js';
import { RunContext, type RunFacilities } from './context.js';
import { Deadline, GaveUp } from './deadline.js';
import type { Handler } from './handlers.js';
import { Pulse } from './pulse.js';

export interface EffectOptions {
  readonly sink: ProgressSink;
  /** Milliseconds that a handler may overrun its aborted signal while it holds the barrier's transaction. */
  readonly graceMs: number;
  readonly sendHeartbeat: (command: Command, undoData: unknown) => Promise<void>;
  readonly onHeartbeatTrouble: (command: Command, error: unknown) => void;
}

/** One run of a handler, which may serve several attempts. */
export interface EffectRun {
  /** The newest attempt. */
  readonly command: Command;
  readonly handler: Handler;
}

/** One try of a run: what the barrier runs for one command. */
export class HandlerTry implements RunFacilities {
  readonly #run: EffectRun;
  readonly #options: EffectOptions;
  readonly tx: unknown;
  readonly #keepAlive: (() => Promise<void>) | undefined;
  readonly #deadline = new Deadline();
  #pulse: Pulse | undefined;

  constructor(
    run: EffectRun,
    options: EffectOptions,
    tx: unknown,
    keepAlive: (() => Promise<void>) | undefined,
  ) {
    this.#run = run;
    this.#options = options;
    this.tx = tx;
    this.#keepAlive = keepAlive;
  }

  get signal(): AbortSignal {
    return this.#deadline.signal;
  }

  get newest(): Command {
    return this.#run.command;
  }

  get sink(): ProgressSink {
    return this.#options.sink;
  }

  heartbeat(undoData: unknown): Promise<void> {
    const { sendHeartbeat, onHeartbeatTrouble } = this.#options;
    this.#pulse ??= new Pulse({
      command: () => this.newest,
      deadline: this.#deadline,
      send: sendHeartbeat,
      onTrouble: (error) => onHeartbeatTrouble(this.newest, error),
      keepAlive: this.#keepAlive,
    });
    return this.#pulse.beat(undoData);
  }

  abort(reason: unknown): void {
    this.#deadline.abort(reason);
  }

  /** Checks the input, calls the handler under its deadline, checks the output. Never rejects. */
  async perform(): Promise<EffectResult> {
    const { command, handler } = this.#run;
    if (command.barrier !== undefined && command.barrier !== handler.barrier) {
      const message = `the step demands barrier '${command.barrier}', and ${handler.worker} has '${handler.barrier}'`;
      return { outcome: 'rejected', error: { code: 'BARRIER_MISMATCH', message } };
    }
    try {
      // A handler or schema that is not asynchronous is not waited for: a group of them runs in one go.
      const parsed = parse(handler.input, command.data);
      const input = parsed instanceof Promise ? await parsed : parsed;
      if (!input.ok) return { outcome: 'rejected', error: factsOf(input, 'INPUT_INVALID') };
      let returned = handler.run(input.value, new RunContext(command, this));
      if (isThenable(returned) || this.#pulse) returned = await this.#ended(returned, command.timeout);
      const result = resultOf(handler, returned);
      return result instanceof Promise ? await result : result;
    } catch (thrown) {
      if (!(thrown instanceof GaveUp)) await this.#pulse?.quiet();
      return failureOf(thrown, this.#deadline.reason);
    } finally {
      this.#deadline.clear();
      this.#pulse?.end();
    }
  }

  #ended(returned: unknown, timeoutMs: number): Promise<unknown> {
    this.#deadline.begin(timeoutMs);
    const running = this.#quietAfter(returned);
    // Outside a transaction nothing is gained by giving up: the effect may stand, and its end must be told.
    return this.tx === undefined ? running : this.#deadline.orGiveUp(running, this.#options.graceMs);
  }

  async #quietAfter(returned: unknown): Promise<unknown> {
    try {
      return await returned;
    } finally {
      await this.#pulse?.quiet();
    }
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function resultOf(handler: Handler, returned: unknown): EffectResult | Promise<EffectResult> {
  if (!handler.output) return answerOf({ returned });
  const { output, undoData } = partsOf(returned);
  const check = (parsed: Parsed): EffectResult =>
    parsed.ok ? answerOf({ returned: withUndoData(parsed.value, undoData) }) : outputInvalid(parsed.message);
  const parsed = parse(handler.output, output);
  return parsed instanceof Promise ? parsed.then(check) : check(parsed);
}

/** `aborted` is the reason of the handler's signal, if it was aborted. */
export function failureOf(thrown: unknown, aborted: unknown): EffectResult {
  const answer = answerOf({ thrown, aborted });
  if (answer.outcome !== 'failed') return answer;
  const abandoned = thrown instanceof GaveUp && { abandoned: true };
  // What is thrown because nobody waits any more is not asked what it says of the database.
  return { ...answer, ...(!(aborted instanceof EffectCancelled) && { thrown }), ...abandoned };
}

type Parsed = { ok: true; value: unknown } | { ok: false; message: string };

function parse(schema: z.ZodType | undefined, value: unknown): Parsed | Promise<Parsed> {
  if (schema === undefined) return { ok: true, value };
  // A schema with asynchronous parts gives a promise.
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(parsedOf) : parsedOf(result);
}

type Validated = Awaited<ReturnType<z.ZodType['~standard']['validate']>>;

function parsedOf(result: Validated): Parsed {
  if (!result.issues) return { ok: true, value: result.value };
  const problems = result.issues.map(({ path = [], message }) => {
    // Zod's are keys, though the standard allows more.
    const keys = path as readonly PropertyKey[];
    return `${keys.map(String).join('.') || '(root)'}: ${message}`;
  });
  return { ok: false, message: problems.join('; ') };
}
