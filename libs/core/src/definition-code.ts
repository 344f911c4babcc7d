import { findJsonProblem } from '@counterstep/protocol';
import type { WorkflowContext } from './context.js';
import type { Step } from './workflow.js';

/* The functions of a definition, called. They are the user's, so their answers are checked; what they throw is passed on. */

/** Whether the step runs in this context. A promise is no answer: it would always count as true. */
export function isTaken(step: Step, context: WorkflowContext): boolean {
  if (!step.condition) return true;
  const answer = step.condition.evaluate(context);
  refusePromise(answer, 'the condition returned a promise; conditions are synchronous');
  return Boolean(answer);
}

/** What the step's mapper makes of the context, as it will be read back from history; undefined without a mapper. */
export function mappedInput(step: Step, context: WorkflowContext): { value: unknown } | undefined {
  if (!step.input) return undefined;
  const value = step.input.map(context);
  refusePromise(value, 'the input mapper returned a promise; mappers are synchronous');
  const text = JSON.stringify(value, finiteOnly) as string | undefined;
  if (text === undefined) throw new Error('the input mapper returned nothing that is JSON');
  const plain: unknown = JSON.parse(text);
  const problem = findJsonProblem(plain);
  if (problem) throw new Error(`the input mapper's value cannot be stored: ${problem.message}`);
  return { value: plain };
}

/** JSON would write null, and an amount that could not be computed must not reach a worker as one. */
function finiteOnly(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`the input mapper returned ${value}${key === '' ? '' : ` as ${key}`}, which is no JSON`);
  return value;
}

function refusePromise(value: unknown, message: string): void {
  if (typeof value !== 'object' || value === null || !('then' in value)) return;
  // A rejection that nobody handles would end the process.
  const ignore = (): void => undefined;
  if (typeof value.then === 'function') Reflect.apply(value.then, value, [ignore, ignore]);
  throw new Error(message);
}
