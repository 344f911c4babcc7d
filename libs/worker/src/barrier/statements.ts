import type { ClientBase } from 'pg';
import type { Answer } from './barrier.js';
import type { BarrierRows } from './rows.js';
import type { RowState } from './rules.js';
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

/** The barrier's statements on one schema's table, for many rows at once. All of them run in one READ COMMITTED transaction. */
export class BarrierStatements {
  readonly #schema: string;
  readonly #table: string;

  constructor(schema: string) {
    this.#schema = schema;
    this.#table = `${quoteIdentifier(schema)}.counterstep_barrier`;
  }

  /**
   * Keeps everybody else away from these effects until the transaction ends, whether they have rows or not. Always taken in
   * the order of the numbers, so that two groups never wait for each other. Equal numbers of two keys only cost a wait.
   */
  lock(effectKeys: readonly string[]): string {
    const numbers = [...new Set(effectKeys.map(numberOf))].sort((a, b) => a - b);
    return `SELECT count(pg_advisory_xact_lock(${LOCK_CLASS}, n)) FROM unnest('{${numbers.join()}}'::int[]) AS n`;
  }

  async load(client: ClientBase, effectKeys: readonly string[]): Promise<BarrierRows> {
    const { rows } = await client.query<StoredRow>({
      name: this.#name('load'),
      text: `SELECT effect_key, state, reply, executions, undo_began FROM ${this.#table} WHERE effect_key = ANY ($1)`,
      values: [effectKeys],
    });
    return Object.fromEntries(
      rows.map(({ effect_key, state, reply, executions, undo_began }) => [
        effect_key,
        {
          state,
          answer: reply === null ? null : (JSON.parse(reply) as Answer),
          executions,
          undoBegan: undo_began,
        },
      ]),
    );
  }

  /** Breaks the primary key when one of them is there. */
  async insert(client: ClientBase, rows: BarrierRows): Promise<void> {
    await client.query({
      name: this.#name('insert'),
      text: `INSERT INTO ${this.#table} (effect_key, state, reply, executions, undo_began)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::boolean[])`,
      values: columnsOf(rows),
    });
  }

  async update(client: ClientBase, rows: BarrierRows): Promise<void> {
    await client.query({
      name: this.#name('update'),
      text: `UPDATE ${this.#table} AS b
             SET state = r.state, reply = r.reply, executions = r.executions, undo_began = r.undo_began,
               touched_at = clock_timestamp()
             FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::boolean[])
               AS r (effect_key, state, reply, executions, undo_began)
             WHERE b.effect_key = r.effect_key`,
      values: columnsOf(rows),
    });
  }

  /** A prepared statement's name, which belongs to one text per connection; none where Postgres would cut it off. */
  #name(verb: string): string | undefined {
    const name = `counterstep:${verb}:${this.#schema}`;
    return name.length > 63 ? undefined : name;
  }
}

function columnsOf(rows: BarrierRows): unknown[][] {
  const all = Object.entries(rows);
  return [
    all.map(([effectKey]) => effectKey),
    all.map(([, { state }]) => state),
    all.map(([, { answer }]) => (answer === null ? null : JSON.stringify(answer))),
    all.map(([, { executions }]) => executions),
    all.map(([, { undoBegan }]) => undoBegan),
  ];
}

/** FNV-1a, 32 bits. */
function numberOf(effectKey: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < effectKey.length; i += 1) hash = Math.imul(hash ^ effectKey.charCodeAt(i), 0x01000193);
  return hash | 0;
}
