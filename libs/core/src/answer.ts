import { findJsonProblem, type ErrorFacts } from '@counterstep/protocol';
import { EffectCancelled, factsOf, NonRetryable, StepRejected, UndoDataInvalid } from './handler-errors.js';
import { WithUndoData } from './handler-context.js';

/** What a handler's end means. JSON, apart from being readonly. */
export type HandlerAnswer =
  | { readonly outcome: 'succeeded'; readonly output?: unknown; readonly undoData?: unknown }
  | { readonly outcome: 'rejected'; readonly error: ErrorFacts }
  | { readonly outcome: 'failed'; readonly error: ErrorFacts; readonly retryable: boolean };

/** How a handler ended. */
export type HandlerEnd =
  | { readonly returned: unknown }
  /** `aborted` is the reason of the handler's signal, if it was aborted. */
  | { readonly thrown: unknown; readonly aborted?: unknown };

/** The one reading of what a handler returned or threw: the same in every runtime. */
export function answerOf(end: HandlerEnd): HandlerAnswer {
  return 'thrown' in end ? answerToThrown(end.thrown, end.aborted) : answerToReturned(end.returned);
}

function answerToReturned(returned: unknown): HandlerAnswer {
  const { output, undoData } = partsOf(returned);
  const problem = jsonProblem({ output, undoData });
  if (problem !== undefined) return outputInvalid(problem);
  return { outcome: 'succeeded', output, undoData };
}

/** A handler's result apart, whether or not it was made by `withUndoData`. */
export function partsOf(returned: unknown): WithUndoData<unknown> {
  return returned instanceof WithUndoData
    ? (returned as WithUndoData<unknown>)
    : new WithUndoData(returned, undefined);
}

/** The handler did something, but what it gave cannot be taken. */
export function outputInvalid(message: string): HandlerAnswer {
  return { outcome: 'failed', error: factsOf({ message }, 'OUTPUT_INVALID'), retryable: true };
}

function answerToThrown(thrown: unknown, aborted: unknown): HandlerAnswer {
  if (StepRejected.is(thrown)) return { outcome: 'rejected', error: factsOf(thrown, 'REJECTED') };
  const retryable = !NonRetryable.is(thrown);
  // Libraries throw errors of their own when their signal is aborted.
  if (aborted instanceof EffectCancelled && retryable) {
    const message = thrown === aborted ? aborted.message : `${aborted.message}: ${factsOf(thrown).message}`;
    return { outcome: 'failed', error: factsOf({ code: aborted.code, message }), retryable: false };
  }
  return { outcome: 'failed', error: factsOf(thrown), retryable };
}

function jsonProblem(value: { output: unknown; undoData: unknown }): string | undefined {
  const problem = findJsonProblem(value);
  if (problem) return `${problem.path}: ${problem.message}`;
  try {
    JSON.stringify(value);
    return undefined;
  } catch (error) {
    return factsOf(error).message;
  }
}

/** Undo data of a heartbeat as they will be stored. Throws `UndoDataInvalid`. */
export function undoDataText(undoData: unknown): string {
  const problem = findJsonProblem(undoData);
  if (problem) throw new UndoDataInvalid(`${problem.path || '(root)'}: ${problem.message}`);
  let text: unknown;
  try {
    text = JSON.stringify(undoData);
  } catch (error) {
    throw new UndoDataInvalid(error instanceof Error ? error.message : String(error));
  }
  if (typeof text !== 'string') throw new UndoDataInvalid('it is not JSON');
  return text;
}
