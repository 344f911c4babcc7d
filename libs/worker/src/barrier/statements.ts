import type { ClientBase } from 'pg';
import type { Answer, BarrierOrder } from './barrier.js';
import { forwardKeyOf, type BarrierRow, type RowState } from './rules.js';
import { quoteIdentifier } from './table.js';

/** The barrier's statements on one schema's table. All of them expect to run inside a READ COMMITTED transaction. */
export class BarrierStatements {
  readonly #schema: string;
  readonly #table: string;

  constructor(schema: string) {
    this.#schema = schema;
    this.#table = `${quoteIdentifier(schema)}.counterstep_barrier`;
  }

  /** Makes the order's row. False when it is there; waits while another transaction is about to make it. */
  async claim(client: ClientBase, order: BarrierOrder): Promise<boolean> {
    const { rowCount } = await client.query({
      name: this.#name('claim'),
      text: `INSERT INTO ${this.#table} (effect_key, saga_id, step, run, direction, state, attempt)
             VALUES ($1, $2, $3, $4, $5, 'started', $6) ON CONFLICT (effect_key) DO NOTHING`,
      values: [order.effectKey, order.sagaId, order.step, order.run, order.direction, order.attempt],
    });
    return rowCount === 1;
  }

  /** Buries the forward effect of an undo. False when it has a row; waits while another transaction is about to make it. */
  async bury(client: ClientBase, order: BarrierOrder): Promise<boolean> {
    const key = forwardKeyOf(order);
    const { rowCount } = await client.query({
      name: this.#name('bury'),
      text: `INSERT INTO ${this.#table} (effect_key, saga_id, step, run, direction, state, attempt, executions)
             VALUES ($1, $2, $3, $4, 'forward', 'tombstone', $5, 0) ON CONFLICT (effect_key) DO NOTHING`,
      values: [key, order.sagaId, order.step, runOf(key) ?? order.run, order.attempt],
    });
    return rowCount === 1;
  }

  /** Reads and locks a row, so that nobody else decides on it before this transaction ends. */
  async lock(client: ClientBase, effectKey: string): Promise<BarrierRow | undefined> {
    const { rows } = await client.query<{
      state: RowState;
      reply: string | null;
      executions: number;
      undo_began: boolean;
    }>({
      name: this.#name('lock'),
      text: `SELECT state, reply, executions, undo_began FROM ${this.#table} WHERE effect_key = $1 FOR UPDATE`,
      values: [effectKey],
    });
    const row = rows[0];
    if (!row) return undefined;
    return {
      state: row.state,
      answer: row.reply === null ? null : (JSON.parse(row.reply) as Answer),
      executions: row.executions,
      undoBegan: row.undo_began,
    };
  }

  async countExecution(client: ClientBase, order: BarrierOrder): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET executions = executions + 1, attempt = $2, updated_at = clock_timestamp()
       WHERE effect_key = $1`,
      [order.effectKey, order.attempt],
    );
  }

  async markUndoBegan(client: ClientBase, forwardKey: string): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET undo_began = true, updated_at = clock_timestamp() WHERE effect_key = $1`,
      [forwardKey],
    );
  }

  async store(client: ClientBase, effectKey: string, state: RowState, answer: Answer): Promise<void> {
    await client.query({
      name: this.#name('store'),
      text: `UPDATE ${this.#table} SET state = $2, reply = $3, updated_at = clock_timestamp() WHERE effect_key = $1`,
      values: [effectKey, state, JSON.stringify(answer)],
    });
  }

  /** A prepared statement's name, which belongs to one text per connection; none where Postgres would cut it off. */
  #name(verb: string): string | undefined {
    const name = `counterstep:${verb}:${this.#schema}`;
    return name.length > 63 ? undefined : name;
  }
}

function runOf(effectKey: string): number | undefined {
  const run = Number(effectKey.split('/').at(-2));
  return Number.isInteger(run) && run > 0 ? run : undefined;
}
