import { Buffer } from 'node:buffer';
import {
  NonRetryable,
  StepRejected,
  factsOf,
  withUndoData,
  type Undo,
  type WithUndoData,
} from '@counterstep/core';
import type { JsonObject } from '@counterstep/protocol';
import { StepResult, runStep, type BaseStep, type BaseStepContext, type StepEnd } from '@counterstep/steps';
import * as z from 'zod';
import { NotJson, plainCopy } from './plain-json.js';
import { runtimeOf, type HostContext, type HostedRuntime, type HostedWorld } from './runtime.js';
import { readStored, resultOf, storedResult, type HostedStepResult } from './stored-result.js';
import {
  changes,
  checkFresh,
  fieldsOf,
  restore,
  stateAfter,
  type ContextState,
} from './travelling-context.js';

/** What the steps of one registry have in common. */
export interface Host<C extends BaseStepContext> {
  /** In the order of the registry. */
  readonly names: readonly string[];
  readonly input: z.ZodType | undefined;
  readonly createContext: (runtimeCtx: HostedRuntime, input: never) => C | Promise<C>;
  /** Fields that do not travel. */
  readonly local: ReadonlySet<string>;
  readonly world: HostedWorld;
  readonly maxStateBytes: number;
}

/** One step of a registry, as the handlers of its action and its compensation run it. */
export class HostedStep<C extends BaseStepContext> {
  readonly #host: Host<C>;
  readonly #step: BaseStep<C>;
  readonly #name: string;

  constructor(host: Host<C>, step: BaseStep<C>) {
    this.#host = host;
    this.#step = step;
    this.#name = step.name;
  }

  /** The action. `data` is the saga's input, and under their names the results of the steps so far. */
  async execute(data: unknown, handler: HostContext): Promise<WithUndoData<HostedStepResult>> {
    const { context, known, before } = await nothingHappened(async () => {
      const opened = await this.#open(data, [], handler);
      return { ...opened, before: this.#fieldsOf(opened.context) };
    });
    // Its end is waited for, however long it takes: until then nobody knows what it did.
    const { result, end } = await runStep(this.#step, context, handler.signal);
    if (end) throw failureOf(end, result, handler.signal);
    let undoData: unknown;
    try {
      undoData = travelling('RESULT_NOT_JSON', () => plainCopy(result.rollbackData, 'rollbackData'));
      const after = this.#fieldsOf(context);
      const output = travelling('RESULT_NOT_JSON', () => storedResult(result, changes(known, before, after)));
      this.#checkSize([data, output, undoData]);
      return withUndoData(output, undoData);
    } catch (thrown) {
      // The step succeeded, but nobody can go on from there: so it is undone, with what is known.
      if (undoData !== undefined) await handler.heartbeat(undoData).catch(() => undefined);
      throw new NonRetryable(factsOf(thrown), { cause: thrown });
    }
  }

  /** The compensation. */
  async rollBack(undo: Undo, handler: HostContext): Promise<void> {
    const { input, output, undoData, outcome } = undo;
    const known = readStored(output);
    if (known?.skipped) return;
    const rollbackData = typeof undoData === 'object' && undoData !== null ? undoData : {};
    const result = known ? resultOf(output, rollbackData) : unknownResult(outcome, rollbackData);
    const { context } = await this.#open(input, known ? [output] : [], handler);
    if (known) context.stepResults.push(result);
    await this.#step.rollback(context, result, handler.signal);
  }

  /** The context as the steps before it left it, `more` being results that the data do not have. */
  async #open(data: unknown, more: readonly unknown[], handler: HostContext): Promise<Opened<C>> {
    const { input, outputs } = this.#read(data);
    const known = stateAfter([...outputs, ...more]);
    const runtime = runtimeOf(this.#name, handler, this.#host.world);
    const context = await this.#host.createContext(runtime, (await this.#checked(input)) as never);
    travelling('CONTEXT_NOT_JSON', () => checkFresh(context, this.#host.local));
    if (known) restore(context, known);
    context.stepResults.push(...outputs.map((output) => resultOf(output)));
    context.currentStep = this.#name;
    return { context, known };
  }

  /** Takes apart what the command brings. */
  #read(data: unknown): { input: JsonObject; outputs: readonly unknown[] } {
    if (typeof data !== 'object' || data === null)
      throw new StepRejected({ code: 'INPUT_INVALID', message: 'the input is no object' });
    const given = data as JsonObject;
    const { names } = this.#host;
    const done = names.slice(0, names.indexOf(this.#name));
    const input = Object.fromEntries(Object.entries(given).filter(([key]) => !done.includes(key)));
    const hiding = names.find((name) => Object.hasOwn(input, name));
    // Once that step has a result, nobody would find the field of the input any more.
    if (hiding !== undefined)
      throw new StepRejected({
        code: 'INPUT_INVALID',
        message: `the input has a field '${hiding}', which is the name of a step: rename one of them`,
      });
    return { input, outputs: done.map((name) => given[name]) };
  }

  async #checked(input: JsonObject): Promise<unknown> {
    if (!this.#host.input) return input;
    const parsed = await this.#host.input.safeParseAsync(input);
    if (parsed.success) return parsed.data;
    throw new StepRejected({ code: 'INPUT_INVALID', message: z.prettifyError(parsed.error) });
  }

  #fieldsOf(context: C): JsonObject {
    return travelling('CONTEXT_NOT_JSON', () => fieldsOf(context, this.#host.local));
  }

  /** The next command, and that of the rollback, are made of these. */
  #checkSize(parts: readonly unknown[]): void {
    const [bytes, most] = [Buffer.byteLength(JSON.stringify(parts)), this.#host.maxStateBytes];
    if (bytes > most)
      throw coded(
        'CONTEXT_TOO_LARGE',
        `the input, the results and the changes of the context have ${bytes} bytes, ${most} are allowed`,
      );
  }
}

interface Opened<C> {
  readonly context: C;
  /** What the steps before it made of the context; undefined before the first has succeeded. */
  readonly known: ContextState | undefined;
}

/** Whatever goes wrong before the step begins: it is rejected. */
async function nothingHappened<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw StepRejected.is(thrown)
      ? thrown
      : new StepRejected(factsOf(thrown, 'STEP_FAILED'), { cause: thrown });
  }
}

/**
 * A step that fails has left nothing behind: that is its contract, and it is rejected. Not so when its signal was aborted:
 * then nobody can say what the call that was cut off has done. And it may say itself which of the two it is.
 */
function failureOf({ facts }: StepEnd, result: StepResult, signal: AbortSignal): unknown {
  const { cause, code } = facts;
  const message = result.error ?? 'it gave no reason';
  const isThrown = !(cause instanceof StepResult);
  if (isThrown && (StepRejected.is(cause) || NonRetryable.is(cause))) return cause;
  if (signal.aborted) return cause instanceof Error ? cause : new Error(message);
  return new StepRejected({ code: isThrown ? factsOf(cause, code).code : code, message }, { cause });
}

/** What `rollback` gets when there is no result. */
function unknownResult(outcome: Undo['outcome'], rollbackData: object): StepResult {
  if (outcome === 'succeeded') return new StepResult({ rollbackData });
  const error = `it ended ${outcome}: it may have been done, or a part of it, or nothing`;
  return new StepResult({ success: false, error, rollbackData });
}

/** What cannot travel gets the code. */
function travelling<T>(code: 'CONTEXT_NOT_JSON' | 'RESULT_NOT_JSON', copy: () => T): T {
  try {
    return copy();
  } catch (thrown) {
    throw thrown instanceof NotJson ? coded(code, `it cannot travel: ${thrown.message}`) : thrown;
  }
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
