import { answerOf, EffectCancelled, factsOf, outputInvalid, partsOf, withUndoData } from '@counterstep/core';
import type { ProgressSink } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import type * as z from 'zod';
import type { Effect, EffectResult } from './barrier/barrier.js';
import { contextOf } from './context.js';
import { Deadline, GaveUp } from './deadline.js';
import type { Handler } from './handlers.js';
import type { LazyAbort } from './lazy-abort.js';
import { Pulse } from './pulse.js';

export interface EffectOptions {
  readonly sink: ProgressSink;
  /** Aborted when the worker shuts down and has waited long enough. */
  readonly shutdown: LazyAbort;
  /** Milliseconds that a handler may overrun its aborted signal while it holds the barrier's transaction. */
  readonly graceMs: number;
  readonly sendHeartbeat: (command: Command, undoData: unknown) => Promise<void>;
  readonly onHeartbeatTrouble: (command: Command, error: unknown) => void;
}

/** One run of a handler, which may serve several attempts. */
export interface EffectRun {
  /** The newest attempt. */
  command: Command;
  /** Aborted when nobody waits for the effect any more, with an `EffectCancelled`. */
  readonly cancelled: LazyAbort;
}

/** What the barrier runs for one command: check the input, call the handler under its deadline, check the output. */
export function effectOf(run: EffectRun, handler: Handler, options: EffectOptions): Effect {
  let definite: EffectResult | undefined;
  return async (tx, keepAlive) => {
    // The barrier asks again when its database went away before it could store the end. Outside a transaction the effect
    // stands, so it must not be made a second time.
    if (tx === undefined && definite !== undefined) return definite;
    const result = await runOnce(run, handler, tx, keepAlive, options);
    if (result.outcome !== 'failed') definite = result;
    return result;
  };
}

async function runOnce(
  run: EffectRun,
  handler: Handler,
  tx: unknown,
  keepAlive: (() => Promise<void>) | undefined,
  { sink, shutdown, graceMs, sendHeartbeat, onHeartbeatTrouble }: EffectOptions,
): Promise<EffectResult> {
  const { command, cancelled } = run;
  if (cancelled.reason !== undefined) return failureOf(cancelled.reason, cancelled.reason);
  if (command.barrier !== undefined && command.barrier !== handler.barrier) {
    const message = `the step demands barrier '${command.barrier}', and ${handler.worker} has '${handler.barrier}'`;
    return { outcome: 'rejected', error: { code: 'BARRIER_MISMATCH', message } };
  }
  const deadline = new Deadline(command.timeout, [shutdown, cancelled]);
  const newest = (): Command => run.command;
  const pulse = new Pulse({
    command: newest,
    deadline,
    send: sendHeartbeat,
    onTrouble: (error) => onHeartbeatTrouble(command, error),
    keepAlive,
  });
  const heartbeat = (undoData?: unknown): Promise<void> => pulse.beat(undoData);
  try {
    const input = await parse(handler.input, command.data);
    if (!input.ok) return { outcome: 'rejected', error: factsOf(input, 'INPUT_INVALID') };
    const context = contextOf(command, { tx, deadline, heartbeat, newest }, sink);
    const running = (async () => {
      try {
        return await handler.run(input.value, context);
      } finally {
        await pulse.quiet();
      }
    })();
    // Outside a transaction nothing is gained by giving up: the effect may stand, and its end must be told.
    const returned = tx === undefined ? await running : await deadline.orGiveUp(running, graceMs);
    return await resultOf(handler, returned);
  } catch (thrown) {
    return failureOf(thrown, deadline.reason);
  } finally {
    deadline.clear();
    pulse.end();
  }
}

async function resultOf(handler: Handler, returned: unknown): Promise<EffectResult> {
  if (!handler.output) return answerOf({ returned });
  const { output, undoData } = partsOf(returned);
  const parsed = await parse(handler.output, output);
  return parsed.ok
    ? answerOf({ returned: withUndoData(parsed.value, undoData) })
    : outputInvalid(parsed.message);
}

/** `aborted` is the reason of the handler's signal, if it was aborted. */
function failureOf(thrown: unknown, aborted: unknown): EffectResult {
  const answer = answerOf({ thrown, aborted });
  if (answer.outcome !== 'failed') return answer;
  const abandoned = thrown instanceof GaveUp && { abandoned: true };
  // What is thrown because nobody waits any more is not asked what it says of the database.
  return { ...answer, ...(!(aborted instanceof EffectCancelled) && { thrown }), ...abandoned };
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
