import { idempotencyKeySchema } from '@counterstep/protocol';
import { requestInvalid } from '../http/problem.js';

/** The header's value; throws `RequestError` when it can be no key. */
export function checkedKey(key: string): string {
  const parsed = idempotencyKeySchema.safeParse(key);
  if (parsed.success) return parsed.data;
  throw requestInvalid(parsed.error.issues.map((issue) => ({ ...issue, path: ['Idempotency-Key'] })));
}
