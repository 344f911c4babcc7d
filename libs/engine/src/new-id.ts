import { v7 as uuidv7 } from 'uuid';

const RANDOM_BYTES = 16;
const pool = new Uint8Array(256 * RANDOM_BYTES);
let used = pool.length;

/** A UUIDv7. Randomness is asked for by the pool: for each id alone it costs more than all the rest of a start's id. */
export function newId(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const random = pool.subarray(used, (used += RANDOM_BYTES));
  return uuidv7({ random });
}
