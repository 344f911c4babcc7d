import { StateStoreError, ValidationError, WorkflowExecutionError, factsOf } from '@counterstep/core';
import type { FailureMode, Problem, SagaEvent, Workflow, Writable } from '@counterstep/core';
import { findJsonProblem, sagaIdSchema } from '@counterstep/protocol';
import type { BusinessKey, JsonObject } from '@counterstep/protocol';
import type { InputResult } from './input.js';

type StartEvent = Extract<SagaEvent, { type: 'start' }>;

export interface StartOptions {
  /** The same id with the same workflow and input always gives the same saga; with another input it is refused. */
  readonly requestId?: string;
  /** Who sent the request; ids of different sources do not meet, nor do they meet those without a source. */
  readonly source?: string;
  /** What the saga is about, unique within the workflow, and what to do when it is taken. */
  readonly businessKey?: BusinessKey;
  /** Nothing is sent before; until then the saga is pending. */
  readonly startAt?: Date;
  /** What it does when a step has failed for good, instead of what its workflow says. */
  readonly failureMode?: FailureMode;
  /** W3C trace context: goes with every command and event of the saga. */
  readonly traceparent?: string;
}

/** Checks what a saga is started with, and gives it as the schema leaves it. Throws `ValidationError` naming every path. */
export function checkInput(workflow: Workflow, context: unknown): JsonObject {
  if (!isObject(context)) throw noObject();
  const text = readable(workflow, () => findJsonProblem(context));
  if (text)
    throw invalid(workflow, [{ code: text.code, message: text.message, mend: 'remove it', path: text.path }]);
  if (!workflow.inputSchema) return plain(workflow, context);
  const parsed = parse(workflow, workflow.inputSchema, context);
  if (parsed.success) return plain(workflow, parsed.data);
  throw invalid(
    workflow,
    parsed.error.issues.map((issue) => ({
      code: 'INPUT_INVALID',
      message: issue.message,
      mend: `see the input schema of ${workflow.name}`,
      path: issue.path.join('.'),
    })),
  );
}

type Schema = NonNullable<Workflow['inputSchema']>;

/** A schema with a refinement that throws, or is asynchronous, is the definition's mistake and the caller must be told. */
function parse(workflow: Workflow, schema: Schema, context: object): ReturnType<Schema['safeParse']> {
  try {
    return schema.safeParse(context);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'it threw';
    throw new ValidationError('DEFINITION_ERROR', `the input schema of ${workflow.name} failed: ${message}`);
  }
}

export function startEvent(sagaId: string, input: JsonObject, options: StartOptions): StartEvent {
  const { startAt, failureMode, traceparent } = options;
  const event: Writable<StartEvent> = { type: 'start', sagaId, input };
  if (startAt) event.startAt = startAt.getTime();
  if (failureMode) event.failureMode = failureMode;
  if (traceparent !== undefined) event.traceparent = traceparent;
  return event;
}

/** The id, checked; an id that cannot be one is as unknown as one that is not there. */
export function checkSagaId(sagaId: string): string {
  if (!sagaIdSchema.safeParse(sagaId).success) throw sagaNotFound(sagaId);
  return sagaId;
}

export function sagaNotFound(sagaId: string): ValidationError {
  return new ValidationError('SAGA_NOT_FOUND', `there is no saga ${sagaId}`);
}

/** The result of a request as a value or the error that the caller gets. */
export function answerOrThrow(result: InputResult, sagaId: string): { sagaId: string } {
  switch (result.kind) {
    case 'applied':
    case 'ignored':
      return { sagaId };
    case 'existing':
      return { sagaId: result.sagaId };
    case 'absent':
      throw sagaNotFound(sagaId);
    case 'refused':
      throw new WorkflowExecutionError(result.code, result.message, {
        sagaId: result.holder ?? sagaId,
        ...(result.saga && { state: result.saga.state }),
        ...(result.allowed && { allowed: result.allowed }),
      });
    case 'parked':
      throw new WorkflowExecutionError('PARKED', 'the saga cannot be worked on now', { sagaId }, true);
    case 'failed':
      if (result.error instanceof StateStoreError) throw result.error;
      throw new StateStoreError('STORE_REFUSED', `the store refused it: ${result.error.message}`, {
        cause: result.error,
      });
  }
}

/** The saga of a start, and whether it was there before. Throws as `answerOrThrow`. */
export function startedAs(result: InputResult, sagaId: string): { sagaId: string; existed: boolean } {
  return { ...answerOrThrow(result, sagaId), existed: result.kind === 'existing' };
}

function invalid(workflow: Workflow, problems: Problem[]): ValidationError {
  const lines = problems.map((problem) => `${problem.path ?? ''}: ${problem.message}`);
  return new ValidationError(
    'INPUT_INVALID',
    `the input of ${workflow.name} is not valid: ${lines.join('; ')}`,
    problems,
  );
}

function noObject(): ValidationError {
  return new ValidationError('INPUT_INVALID', 'the initial context must be an object', [
    { code: 'INPUT_INVALID', message: 'not an object', mend: 'pass an object', path: '' },
  ]);
}

/** As it will be read back from history. */
function plain(workflow: Workflow, value: unknown): JsonObject {
  const text = readable(workflow, (): string | undefined => JSON.stringify(value));
  const copy: unknown = text === undefined ? undefined : JSON.parse(text);
  // A `toJSON` may make anything of it.
  if (!isObject(copy)) throw noObject();
  return copy as JsonObject;
}

/** JSON has no big integers, and a getter may throw. */
function readable<T>(workflow: Workflow, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { message } = factsOf(error);
    throw invalid(workflow, [{ code: 'INPUT_INVALID', message, mend: 'pass what JSON can hold', path: '' }]);
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
