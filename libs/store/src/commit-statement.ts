import { isFinished, isHeld, rowOf } from '@counterstep/core';
import type { Batch, Write } from '@counterstep/engine';
import { json, plain, quoted } from './array-literal.js';
import { commitText } from './commit-sql.js';
import type { CommitParts } from './commit-sql.js';
import { factsText, positionText } from './short-forms.js';

/** One row, or none when the lane is lost. */
export interface CommitRow {
  readonly now: number;
  readonly stale: string[];
}

/** The batch as a prepared statement of the lane and its parameters. */
export function commitStatement(
  laneId: number,
  epoch: number,
  batch: Batch,
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
      ...writeColumns(writes),
      ...recordColumns(writes),
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

function writeColumns(writes: readonly Write[]): string[] {
  const rows = writes.map(({ saga }) => rowOf(saga));
  return [
    quoted(rows, ({ sagaId }) => sagaId),
    plain(writes, ({ expectedVersion }) => expectedVersion),
    plain(writes, ({ saga }) => isFinished(saga)),
    quoted(rows, ({ workflow }) => workflow.name),
    plain(rows, ({ workflow }) => workflow.version),
    quoted(rows, ({ workflow }) => workflow.digest),
    plain(rows, ({ version }) => version),
    plain(rows, ({ state }) => state),
    plain(rows, ({ direction }) => direction),
    plain(rows, ({ aim }) => aim),
    plain(rows, ({ paused }) => paused),
    json(rows, ({ attention }) => (attention.length > 0 ? attention : undefined)),
    quoted(rows, ({ position }) => positionText(position)),
    json(rows, ({ cause }) => cause),
    plain(rows, ({ dueAt }) => dueAt),
    plain(writes, ({ records }) => records.at(-1)?.number),
    plain(rows, ({ createdAt }) => createdAt),
    plain(rows, ({ updatedAt }) => updatedAt),
    plain(writes, ({ saga }) => isHeld(saga)),
    plain(rows, ({ deadline }) => deadline),
  ];
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

function recordColumns(writes: readonly Write[]): string[] {
  const records = writes.flatMap(({ records }) => records);
  return [
    quoted(
      writes.flatMap(({ saga, records }) => records.map(() => saga.sagaId)),
      (id) => id,
    ),
    plain(records, ({ seq }) => seq),
    plain(records, ({ at }) => at),
    quoted(records, ({ event }) => event),
    quoted(records, ({ facts }) => factsText(facts)),
    plain(records, ({ number }) => number),
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
