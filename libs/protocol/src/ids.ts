import * as z from 'zod';

/** Names of workflows, steps, workers and queues: letters, digits, `_`, `-` and inner dots; at most 100 characters. */
export const NAME_PATTERN = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?$/;

/** A UUIDv7 in lower case. Time-ordered, so that inserts go to the right edge of an index. */
export const sagaIdSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    message: 'not a saga id (a UUIDv7 in lower case)',
  });

export const directionSchema = z.enum(['forward', 'undo']);
export type Direction = z.infer<typeof directionSchema>;

/** What an effect is known by over all attempts; the idempotency key that a worker passes on. */
export type EffectKey = string;

/** `sagaId/path/run/direction`. The path may itself hold slashes (map items, sub-workflows). */
export function effectKeyOf(sagaId: string, path: string, run: number, direction: Direction): EffectKey {
  return `${sagaId}/${path}/${run}/${direction}`;
}
