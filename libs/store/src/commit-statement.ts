import { isFinished, isHeld, rowOf } from '@counterstep/core';
import type { Batch, Write } from '@counterstep/engine';
import { plain, quoted } from './array-literal.js';
import { commitText } from './commit-sql.js';
import type { CommitParts } from './commit-sql.js';
import { CompositeArray } from './composite-array.js';
import { factsText, positionText } from './short-forms.js';

/** One row, or none when the lane is lost. */
export interface CommitRow {
  readonly now: number;
  readonly stale: string[];
}

/** The oids of the types of a batch's rows, which differ from database to database. */
export interface BatchTypes {
  readonly transition: number;
  readonly record: number;
}

export const BATCH_TYPES =
  "SELECT 'counterstep.transition'::regtype::oid AS transition, 'counterstep.record'::regtype::oid AS record";

/** The batch as a prepared statement of the lane and its parameters. */
export function commitStatement(
  laneId: number,
  epoch: number,
  batch: Batch,
  types: BatchTypes,
): { name: string; text: string; values: unknown[] } {
  const writes = batch.writes.toSorted((a, b) => (a.saga.sagaId < b.saga.sagaId ? -1 : 1));
  const parts: CommitParts = {
    ends: writes.some(({ saga }) => isFinished(saga)),
    keys: (batch.claims ?? []).length > 0 || writes.some(({ keys = [] }) => keys.length > 0),
    parks: batch.park.length > 0 || batch.unpark.length > 0,
  };
  return {
    ...statementFor(parts),
    values: [
      laneId,
      epoch,
      batch.confirmed,
      transitionsOf(types.transition, writes),
      recordsOf(types.record, writes),
      ...(parts.keys ? keyColumns(batch) : []),
      ...(parts.parks ? parkColumns(batch) : []),
    ],
  };
}

const statements = new Map<string, { name: string; text: string }>();

/** The driver wants the very same text for a name. */
function statementFor(parts: CommitParts): { name: string; text: string } {
  const { ends, keys, parks } = parts;
  const name = ['counterstep_commit', ends && 'ends', keys && 'keys', parks && 'parks']
    .filter(Boolean)
    .join('_');
  let statement = statements.get(name);
  if (!statement) statements.set(name, (statement = { name, text: commitText(parts) }));
  return statement;
}

function transitionsOf(typeId: number, writes: readonly Write[]): Buffer {
  const rows = new CompositeArray(typeId, 20, writes.length);
  for (const { saga, expectedVersion, records } of writes) {
    const { workflow, attention, position, cause, dueAt, deadline } = rowOf(saga);
    rows.row();
    rows.uuid(saga.sagaId);
    rows.int(expectedVersion);
    rows.boolean(isFinished(saga));
    rows.text(workflow.name);
    rows.int(workflow.version);
    rows.text(workflow.digest);
    rows.int(saga.version);
    rows.text(saga.state);
    rows.text(saga.direction);
    rows.text(saga.aim);
    rows.boolean(saga.paused);
    rows.boolean(isHeld(saga));
    rows.text(attention.length > 0 ? JSON.stringify(attention) : undefined);
    rows.text(positionText(position));
    rows.text(cause && JSON.stringify(cause));
    rows.bigint(dueAt);
    rows.bigint(deadline);
    rows.bigint(records.at(-1)?.number);
    rows.bigint(saga.createdAt);
    rows.bigint(saga.updatedAt);
  }
  return rows.bytes();
}

function recordsOf(typeId: number, writes: readonly Write[]): Buffer {
  const rows = new CompositeArray(typeId, 6, numberOfRecords(writes));
  for (const { saga, records } of writes)
    for (const { seq, at, event, facts, number } of records) {
      rows.row();
      rows.uuid(saga.sagaId);
      rows.int(seq);
      rows.bigint(at);
      rows.text(event);
      rows.text(factsText(facts));
      rows.bigint(number);
    }
  return rows.bytes();
}

function numberOfRecords(writes: readonly Write[]): number {
  return writes.reduce((sum, { records }) => sum + records.length, 0);
}

function keyColumns({ writes, claims = [] }: Batch): string[] {
  const own = writes.flatMap(({ saga: { sagaId }, keys = [] }) =>
    keys.map((key) => ({ id: sagaId, sagaId, key })),
  );
  const all = [...own, ...claims];
  return [
    quoted(all, ({ id }) => id),
    quoted(all, ({ sagaId }) => sagaId),
    quoted(all, ({ key }) => key.scope),
    quoted(all, ({ key }) => key.key),
    quoted(all, ({ key }) => key.bodyHash),
    plain(all, ({ key }) => key.fromClosed ?? false),
  ];
}

function parkColumns({ park, unpark }: Batch): string[] {
  return [
    quoted(park, ({ sagaId }) => sagaId),
    quoted(park, ({ digest }) => digest),
    quoted(park, ({ code }) => code),
    quoted(park, ({ input }) => input),
    plain(unpark, (id) => id),
  ];
}
