import type { JsonObject } from '@counterstep/protocol';
import { StepResult } from '@counterstep/steps';
import * as z from 'zod';
import { patchSchema, type PatchOperation } from './json-patch.js';
import { plainCopy } from './plain-json.js';

/**
 * A hosted step's result in its saga: a `StepResult` as JSON, and what the step changed in the context. Its `rollbackData`
 * are the saga's undo data, and not in here.
 */
export interface HostedStepResult {
  readonly success: boolean;
  readonly data: JsonObject;
  readonly error: string | null;
  readonly skipped: boolean;
  /** ISO 8601. */
  readonly timestamp: string;
  /** A JSON Patch (RFC 6902). That of the first step makes the whole context. */
  readonly patch: readonly PatchOperation[];
}

const schema = z.object({
  success: z.boolean(),
  data: z.custom<JsonObject>((given) => typeof given === 'object' && given !== null),
  error: z.string().nullable(),
  skipped: z.boolean(),
  timestamp: z.string(),
  patch: patchSchema,
});

/** @throws NotJson */
export function storedResult(
  { success, data, error, skipped, timestamp }: StepResult,
  patch: readonly PatchOperation[],
): HostedStepResult {
  const copy = plainCopy(data, 'data') as JsonObject;
  return { success, data: copy, error, skipped, timestamp: timestamp.toISOString(), patch };
}

/** Undefined when it is none: a person may have put another result, or none, in its place. */
export function readStored(output: unknown): HostedStepResult | undefined {
  return schema.safeParse(output).data;
}

/** The result as later steps find it. What a person put in its place counts as skipped. */
export function resultOf(output: unknown, rollbackData: object = {}): StepResult {
  const stored = readStored(output);
  if (!stored) return new StepResult({ skipped: true, rollbackData });
  const { success, data, error, skipped, timestamp } = stored;
  return new StepResult({ success, data, error, skipped, rollbackData, timestamp: new Date(timestamp) });
}
