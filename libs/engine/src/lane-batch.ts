import type { Entry } from './batch.js';
import type { Input } from './input.js';
import type { StartKey } from './start-keys.js';
import type { Batch, NumberedRecord, Write } from './store.js';

/** What the entries write, their records numbered from `after` on in the lane; and the last number. */
export function batchOf(
  entries: readonly Entry[],
  laneId: number,
  after: number,
): { batch: Omit<Batch, 'confirmed'>; number: number } {
  let number = after;
  const writes: Write[] = [];
  for (const { saga, records, version: expectedVersion, keys } of entries) {
    if (!saga || records.length === 0) continue;
    const numbered = records.map((record): NumberedRecord => ({
      seq: record.seq,
      at: record.at,
      event: record.event,
      facts: record.facts,
      lane: laneId,
      number: ++number,
    }));
    writes.push({ expectedVersion, saga, records: numbered, keys });
  }
  const claims = entries.flatMap((entry) => entry.claims);
  const park = entries.flatMap((entry) => entry.parks);
  const unpark = entries.filter((entry) => entry.records.length === 0).flatMap(unparkedBy);
  return { batch: { writes, claims, park, unpark }, number };
}

/** The parked inputs that the entry deals with for good. */
export function unparkedBy({ verdicts }: Entry): number[] {
  const unparked: number[] = [];
  for (const { input, result } of verdicts)
    if (input.parkedId !== undefined && result.kind !== 'parked') unparked.push(input.parkedId);
  return unparked;
}

/** The keys that the inputs want. */
export function keysOf(inputs: readonly Input[]): StartKey[] {
  const wanted: StartKey[] = [];
  for (const { keys } of inputs) if (keys) wanted.push(...keys);
  return wanted;
}
