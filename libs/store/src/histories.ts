import type { NumberedRecord, StoredSaga } from '@counterstep/engine';
import { factsFrom } from './short-forms.js';

/** A row of `history`, 64-bit integers read as `float8`, in which milliseconds and lane numbers are exact. */
export interface HistoryRow {
  readonly saga_id: string;
  readonly seq: number;
  readonly at: number;
  readonly event: string;
  readonly facts: string;
  readonly lane: number;
  readonly number: number;
}

export const LOAD = `
  SELECT saga_id, seq, at::float8 AS at, event, facts, lane, number::float8 AS number
  FROM counterstep.history
  WHERE saga_id = ANY ($1::uuid[])
  ORDER BY saga_id, seq`;

/** Of the sagas that have rows of a lane above a number. */
export const LOAD_ABOVE = `
  SELECT saga_id, seq, at::float8 AS at, event, facts, lane, number::float8 AS number
  FROM counterstep.history
  WHERE saga_id = ANY (ARRAY(SELECT saga_id FROM counterstep.history WHERE lane = $1 AND number > $2))
  ORDER BY saga_id, seq`;

/** Rows ordered by saga and `seq`, one entry per saga. */
export function storedSagas(rows: readonly HistoryRow[]): StoredSaga[] {
  const sagas: { sagaId: string; records: NumberedRecord[] }[] = [];
  for (const { saga_id: sagaId, facts, ...row } of rows) {
    let saga = sagas.at(-1);
    if (saga?.sagaId !== sagaId) {
      saga = { sagaId, records: [] };
      sagas.push(saga);
    }
    saga.records.push({ ...row, facts: factsFrom(facts) });
  }
  return sagas;
}
