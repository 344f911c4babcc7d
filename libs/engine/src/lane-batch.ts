import type { OutgoingMessage } from '@counterstep/bus';
import type { Saga } from '@counterstep/core';
import type { Entry } from './batch.js';
import type { Input } from './input.js';
import type { StartKey } from './start-keys.js';
import type { Batch, Claim, NumberedRecord, ParkedInput, Write } from './store.js';

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
  const claims: Claim[] = [];
  const park: ParkedInput[] = [];
  const unpark: number[] = [];
  for (const entry of entries) {
    claims.push(...entry.claims);
    park.push(...entry.parks);
    if (entry.records.length === 0) unpark.push(...unparkedBy(entry));
  }
  return { batch: { writes, claims, park, unpark }, number };
}

/** Where the entries leave their sagas, and what is to be published. By hand: `flatMap` takes twenty times as long. */
export function outcomeOf(entries: readonly Entry[]): { sagas: Saga[]; messages: OutgoingMessage[] } {
  const sagas: Saga[] = [];
  const messages: OutgoingMessage[] = [];
  for (const entry of entries) {
    if (entry.saga) sagas.push(entry.saga);
    for (const message of entry.messages) messages.push(message);
  }
  return { sagas, messages };
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
