import type { Answer, RowState } from '@counterstep/core';
import type { KeyedRow } from './open-rows.js';
import { quoteIdentifier } from './table.js';

interface StoredRow {
  readonly effect_key: string;
  readonly state: RowState;
  readonly reply: string | null;
  readonly executions: number;
  readonly undo_began: boolean;
}

/** Tells the barrier's advisory locks from those of others in the same database. */
const LOCK_CLASS = 1_668_575_845;

/**
 * The barrier's SQL on one schema's table, for many rows at once, to be run in one READ COMMITTED transaction. Values stand in
 * the text, so that several statements make one round trip.
 */
export class BarrierStatements {
  readonly #table: string;

  constructor(schema: string) {
    this.#table = `${quoteIdentifier(schema)}.counterstep_barrier`;
  }

  /**
   * Keeps everybody else away from these effects until the transaction ends, whether they have rows or not, and reads their
   * rows. The locks are always taken in the order of their numbers, so that two groups never wait for each other. Equal
   * numbers of two keys only cost a wait. `isLocked`: another transaction of ours holds the locks.
   */
  open(effectKeys: readonly string[], isLocked: boolean): string {
    const numbers = [...new Set(effectKeys.map(numberOf))].sort((a, b) => a - b);
    const lock = `SELECT count(pg_advisory_xact_lock(${LOCK_CLASS}, n)) FROM unnest('{${numbers.join()}}'::int[]) AS n;`;
    return `${isLocked ? '' : lock}
      SELECT effect_key, state, reply, executions, undo_began FROM ${this.#table}
      WHERE effect_key = ANY (${arrayOf(effectKeys.map(quoted))}::text[])`;
  }

  /** What `open` has read. */
  rowsOf(found: readonly unknown[]): KeyedRow[] {
    return (found as readonly StoredRow[]).map(({ effect_key, state, reply, executions, undo_began }) => [
      effect_key,
      {
        state,
        answer: reply === null ? null : answerFrom(reply, state),
        executions,
        undoBegan: undo_began,
      },
    ]);
  }

  /** Breaks the primary key when one of `made` is there. Empty when there is nothing to write. */
  close(made: readonly KeyedRow[], changed: readonly KeyedRow[]): string {
    const columns = '(effect_key, state, reply, executions, undo_began)';
    const insert = `INSERT INTO ${this.#table} ${columns} SELECT * FROM `;
    const update = `UPDATE ${this.#table} AS b
      SET state = r.state, reply = r.reply, executions = r.executions, undo_began = r.undo_began,
        touched_at = now()
      FROM `;
    return (
      (made.length > 0 ? `${insert}${relationOf(made)};\n` : '') +
      (changed.length > 0
        ? `${update}${relationOf(changed)} AS r ${columns} WHERE b.effect_key = r.effect_key;\n`
        : '')
    );
  }
}

function relationOf(rows: readonly KeyedRow[]): string {
  const columns = [
    `${arrayOf(rows.map(([effectKey]) => quoted(effectKey)))}::text[]`,
    `${arrayOf(rows.map(([, { state }]) => state))}::text[]`,
    // JSON holds no control characters, so that to quote it once more escapes just what an array wants escaped.
    `${arrayOf(rows.map(([, { answer, state }]) => (answer ? JSON.stringify(textOf(answer, state)) : 'null')))}::text[]`,
    `${arrayOf(rows.map(([, { executions }]) => executions))}::int[]`,
    `${arrayOf(rows.map(([, { undoBegan }]) => undoBegan))}::boolean[]`,
  ];
  return `unnest(${columns.join()})`;
}

/** Without the outcome where the row's state says it, as it nearly always does. */
function textOf(answer: Answer, state: RowState): string {
  return JSON.stringify(answer.outcome === state ? { ...answer, outcome: undefined } : answer);
}

function answerFrom(text: string, state: RowState): Answer {
  return { outcome: state, ...(JSON.parse(text) as object) } as Answer;
}

function arrayOf(elements: readonly (string | number | boolean)[]): string {
  return literal(`{${elements.join()}}`);
}

/** An element of an array. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** The backslash means nothing in it, whatever the server's settings are. */
function literal(text: string): string {
  return ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** FNV-1a, 32 bits. */
function numberOf(effectKey: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < effectKey.length; i += 1) hash = Math.imul(hash ^ effectKey.charCodeAt(i), 0x01000193);
  return hash | 0;
}
