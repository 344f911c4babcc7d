import { isFinished, isLive } from '@counterstep/core';
import { StoreContentError } from './store.js';
import type { Batch, NewKey, Write } from './store.js';

const CHECK_VIOLATION = '23514';
const UNTRANSLATABLE_TEXT = '22021';

/**
 * What every store demands of a batch before it writes: the rules behind "history is gapless" and "nothing hangs
 * silently", and text that any store can hold. Throws `StoreContentError` with the SQLSTATE that Postgres would give.
 */
export function checkBatch(laneId: number, batch: Batch): void {
  const sagas = new Set<string>();
  const keys = new Set<string>();
  for (const write of batch.writes) {
    checkWrite(laneId, write);
    const { sagaId } = write.saga;
    if (sagas.has(sagaId)) refuse(`saga ${sagaId} is written twice in one batch`);
    sagas.add(sagaId);
    for (const key of write.keys ?? []) checkKey(keys, key);
  }
  for (const { key } of batch.claims ?? []) checkKey(keys, key);
  for (const parked of batch.park) checkText(parked.digest, parked.code, parked.input);
}

function checkKey(others: Set<string>, { scope, key, bodyHash }: NewKey): void {
  checkText(scope, key, bodyHash);
  const name = JSON.stringify([scope, key]);
  if (others.has(name)) refuse(`key ${name} is taken twice in one batch`);
  others.add(name);
}

function checkWrite(laneId: number, { expectedVersion, saga, records, keys }: Write): void {
  const { sagaId } = saga;
  let seq = expectedVersion;
  for (const record of records) {
    seq += 1;
    if (record.seq !== seq) refuse(`saga ${sagaId}: record ${record.seq} stands where ${seq} must be`);
    if (record.lane !== laneId) refuse(`saga ${sagaId}: a record of lane ${record.lane} in lane ${laneId}`);
  }
  if (records.length === 0) refuse(`saga ${sagaId} is written without a record`);
  if (saga.version !== seq) refuse(`saga ${sagaId} is at version ${saga.version}, its last record at ${seq}`);
  if (keys?.length && expectedVersion !== 0) refuse(`saga ${sagaId} takes a key, but is not being started`);
  if (!isLive(saga))
    refuse(`saga ${sagaId} would wait for nothing: no due time, not paused, no attention item`);
  if (isFinished(saga) && saga.state !== 'failed' && saga.state !== saga.aim)
    refuse(`saga ${sagaId} aims at ${saga.aim} and cannot end ${saga.state}`);
}

/** Postgres cannot hold U+0000, and the encoder would silently replace a lone surrogate. */
function checkText(...texts: readonly string[]): void {
  for (const text of texts)
    if (text.includes('\0') || !text.isWellFormed())
      throw new StoreContentError(UNTRANSLATABLE_TEXT, `text that cannot be stored: ${JSON.stringify(text)}`);
}

function refuse(message: string): never {
  throw new StoreContentError(CHECK_VIOLATION, message);
}
