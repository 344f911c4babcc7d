import { NAME_PATTERN, barrierModeSchema, queueOf } from '@counterstep/protocol';
import * as z from 'zod';
import { canonicalJson, jsonSchema } from './digest.js';
import { reasonOf } from './errors.js';
import type { Problem } from './errors.js';
import { RETRY_OPTIONS } from './retry.js';
import type { RetryPolicy } from './retry.js';
import { STEP_OPTIONS } from './steps.js';
import type { StepDraft } from './steps.js';

const MAX_DURATION = 365 * 24 * 3_600_000;
const MAX_RETRIES = 1_000;
const MAX_WEIGHT = 1_000_000;

export const NAME_MEND =
  'use at most 100 letters, digits, _, - and inner dots, but no name that every object has, such as constructor';

/** Everything wrong with one step, as a list: a builder that stops at the first mistake makes its user guess the rest. */
export function checkStep(draft: StepDraft): Problem[] {
  const { options } = draft;
  // In JavaScript a name may be anything.
  const [step, worker, queue] = [draft.name, draft.worker, options?.queue].map(String) as [
    string,
    string,
    string,
  ];
  if (!isObject(options))
    return [
      {
        code: 'BAD_OPTIONS',
        message: 'the options are no object',
        mend: "pass the compensation's name, or an object",
        step,
      },
    ];
  const problems: Problem[] = [];
  const wrong = (code: string, message: string, mend: string): void => {
    problems.push({ code, message, mend, step });
  };

  if (!isName(draft.name)) wrong('BAD_NAME', `'${step}' is no name for a step`, NAME_MEND);
  if (!isName(draft.worker))
    wrong('BAD_WORKER', `'${worker}' is no name of a worker`, "name a handler, such as 'payments.charge'");
  problems.push(...unknownOptions(options, STEP_OPTIONS, 'the step', step));
  if (draft.conditional && typeof draft.condition !== 'function')
    wrong('CONDITION_NOT_FUNCTION', 'the condition is not a function', 'pass (context) => boolean');
  if (options.input !== undefined && typeof options.input !== 'function')
    wrong('INPUT_NOT_FUNCTION', 'the input mapper is not a function', 'pass (context) => JSON');
  if (options.queue !== undefined && !isName(options.queue))
    wrong('BAD_QUEUE', `'${queue}' is no name of a queue`, NAME_MEND);
  if (options.barrier !== undefined && !barrierModeSchema.safeParse(options.barrier).success)
    wrong('BAD_BARRIER', `'${options.barrier}' is no barrier mode`, 'use transaction, external or none');
  if (options.output !== undefined) problems.push(...checkSchema(options.output, 'output', step));
  problems.push(
    ...checkRetry(options.retry, 'retry', step),
    ...checkRetry(options.undoRetry, 'undoRetry', step),
  );
  for (const key of ['attemptTimeout', 'stepTimeout'] as const) {
    const value = options[key];
    if (value !== undefined && !(Number.isInteger(value) && isWithin(value, 1, MAX_DURATION)))
      wrong(
        'TIMEOUT_OUT_OF_BOUNDS',
        `${key} is ${String(value)}`,
        `use a whole number from 1 to ${MAX_DURATION} milliseconds`,
      );
  }
  const weight = options.progressWeight;
  // Bounded, so that the sum of all is a number.
  if (weight !== undefined && !isWithin(weight, 0, MAX_WEIGHT))
    wrong(
      'WEIGHT_OUT_OF_BOUNDS',
      `progressWeight is ${String(weight)}`,
      `use a number from 0 to ${MAX_WEIGHT}`,
    );
  problems.push(...checkCompensation(draft));
  return problems;
}

function checkCompensation({ name: step, worker, options }: StepDraft): Problem[] {
  const { compensation } = options;
  if (compensation === undefined) return [];
  if (!isName(compensation))
    return [
      {
        code: 'BAD_WORKER',
        message: `'${String(compensation)}' is no name of a compensation`,
        mend: "name a handler, such as 'payments.refund'",
        step,
      },
    ];
  // A name without a dot says nothing about its queue: it travels on the action's.
  const own = isName(worker) ? queueOf(worker) : '';
  const queue = options.queue ?? own;
  if (compensation.includes('.') && ![queue, own].includes(queueOf(compensation)))
    return [
      {
        code: 'UNDO_ELSEWHERE',
        message: `'${compensation}' is on queue ${queueOf(compensation)}, its action on ${queue}`,
        mend: 'let one worker app hold both, or an undo could not find what the action did',
        step,
      },
    ];
  return [];
}

/** Checks what `withRetryConfig` or a step's `retry` was given. */
export function checkRetry(
  policy: Partial<RetryPolicy> | undefined,
  where: string,
  step?: string,
): Problem[] {
  if (policy === undefined) return [];
  if (!isObject(policy))
    return [
      {
        code: 'RETRY_OUT_OF_BOUNDS',
        message: `${where} is no object`,
        mend: 'pass an object, such as { maxRetries: 5 }',
        ...(step && { step }),
      },
    ];
  const problems: Problem[] = [];
  const wrong = (message: string, mend: string): void => {
    problems.push({
      code: 'RETRY_OUT_OF_BOUNDS',
      message: `${where}: ${message}`,
      mend,
      ...(step && { step }),
    });
  };
  problems.push(...unknownOptions(policy, RETRY_OPTIONS, where, step));
  const { maxRetries, initialDelay, backoffFactor, maxDelay, jitter, budget, nonRetryableCodes } = policy;
  if (maxRetries !== undefined && !(Number.isInteger(maxRetries) && isWithin(maxRetries, 0, MAX_RETRIES)))
    wrong(`maxRetries is ${maxRetries}`, `use a whole number from 0 to ${MAX_RETRIES}`);
  for (const [key, value] of Object.entries({ initialDelay, maxDelay, budget }))
    if (value !== undefined && !isWithin(value, 0, MAX_DURATION))
      wrong(`${key} is ${value}`, `use 0 to ${MAX_DURATION} milliseconds`);
  if (backoffFactor !== undefined && !isWithin(backoffFactor, 1, 100))
    wrong(`backoffFactor is ${backoffFactor}`, 'use 1 to 100');
  if (jitter !== undefined && jitter !== 'full' && jitter !== 'none')
    wrong(`jitter is ${String(jitter)}`, "use 'full' or 'none'");
  const codes: unknown = nonRetryableCodes;
  if (codes !== undefined && !(Array.isArray(codes) && codes.every((code) => typeof code === 'string')))
    wrong('nonRetryableCodes is no list of codes', "pass a list, such as ['CARD_DECLINED']");
  return problems;
}

/** A schema must be zod and describable as JSON Schema: the digest covers it, and its values are stored as JSON. */
export function checkSchema(schema: unknown, where: string, step?: string): Problem[] {
  const at = step === undefined ? {} : { step };
  if (!(schema instanceof z.ZodType))
    return [
      { code: 'NOT_A_SCHEMA', message: `${where} is not a zod schema`, mend: 'pass a zod 4 schema', ...at },
    ];
  try {
    if (canonicalJson(jsonSchema(schema)) === canonicalJson(jsonSchema(schema))) return [];
    return [
      {
        code: 'SCHEMA_NOT_STABLE',
        message: `${where} is another each time it is told as JSON Schema, and so the digest would be`,
        mend: 'give a default as a value; what is computed belongs into the input or a step',
        ...at,
      },
    ];
  } catch (error) {
    return [
      {
        code: 'SCHEMA_NOT_JSON',
        message: `${where} cannot be told as JSON Schema: ${reasonOf(error)}`,
        mend: 'describe JSON: strings for dates, no transforms, no functions',
        ...at,
      },
    ];
  }
}

/** A mistyped option would silently count for nothing. */
export function unknownOptions(
  given: object,
  known: readonly string[],
  where: string,
  step?: string,
): Problem[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      code: 'UNKNOWN_OPTION',
      message: `${where} has no option '${key}'`,
      mend: `the options are ${known.join(', ')}`,
      ...(step !== undefined && { step }),
    }));
}

export function isName(value: unknown): value is string {
  // Names are keys of plain objects: what every object has by birth is no name.
  return typeof value === 'string' && NAME_PATTERN.test(value) && !(value in {});
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWithin(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && value >= low && value <= high;
}
