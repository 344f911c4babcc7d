import type { Addressee } from '@counterstep/core';
import { directionSchema, sagaIdSchema } from '@counterstep/protocol';
import * as z from 'zod';

const text = z.string().min(1).max(400);
const count = z.int().min(1);

/** What must be readable for the saga to be told, and what helps but can be made up. */
const addressSchema = z.object({
  sagaid: sagaIdSchema,
  effectkey: text,
  replytoken: z.string().max(200),
  id: text.optional().catch(undefined),
  worker: text.optional().catch(undefined),
  step: text.optional().catch(undefined),
  direction: directionSchema.optional().catch(undefined),
  run: count.optional().catch(undefined),
  attempt: count.optional().catch(undefined),
});

/**
 * Whom to tell that a command could not be read: as much as can be found in its bytes, the rest from the effect key
 * (`sagaId/path/run/direction`). Undefined when saga, effect key or token cannot be read.
 */
export function addresseeOf(value: Uint8Array | null): Addressee | undefined {
  const parsed = addressSchema.safeParse(jsonOf(value));
  if (!parsed.success) return undefined;
  const { sagaid, effectkey, replytoken, ...rest } = parsed.data;
  const parts = /^[^/]+\/(?<path>.+)\/(?<run>\d+)\/(?<direction>forward|undo)$/.exec(effectkey)?.groups;
  const step = rest.step ?? parts?.['path'];
  const direction = rest.direction ?? directionSchema.safeParse(parts?.['direction']).data;
  if (step === undefined || direction === undefined) return undefined;
  return {
    sagaid,
    effectkey,
    replytoken,
    step,
    direction,
    id: rest.id ?? effectkey,
    worker: rest.worker ?? 'unknown',
    run: rest.run ?? count.safeParse(Number(parts?.['run'])).data ?? 1,
    attempt: rest.attempt ?? 1,
  };
}

function jsonOf(value: Uint8Array | null): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(value ?? new Uint8Array())) as unknown;
  } catch {
    return undefined;
  }
}
