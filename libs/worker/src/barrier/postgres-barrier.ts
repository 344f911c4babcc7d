import type { ClientBase } from 'pg';
import {
  BarrierUnavailable,
  type Answer,
  type Barrier,
  type BarrierEntry,
  type BarrierOrder,
} from './barrier.js';
import type { WorkerDatabase } from './database.js';
import { CLAIMED } from './no-barrier.js';
import { admit, admitUndo, forwardKeyOf, settle, type Admission, type BarrierRow } from './rules.js';
import { sqlstateOf, troubleOf } from './sqlstate.js';
import { BarrierStatements } from './statements.js';
import { inTransaction, TransactionAborted } from './transaction.js';

export interface PostgresBarrierOptions {
  /** The schema that holds `counterstep_barrier`; default `public`. */
  readonly schema?: string;
  /** Milliseconds an order waits, four times over, for another one on the same key; default 5,000. */
  readonly lockTimeoutMs?: number;
  /**
   * The server ends a transaction that idles, without a heartbeat, so many milliseconds longer than its attempt may take:
   * its process must be frozen. Default 30,000.
   */
  readonly idleGraceMs?: number;
}

const SAVEPOINT = 'counterstep_handler';

/** The barrier on a table in the worker's own database, which `ensureBarrierTable` makes. */
export class PostgresBarrier implements Barrier {
  readonly #database: WorkerDatabase;
  readonly #statements: BarrierStatements;
  readonly #lockTimeoutMs: number;
  readonly #idleGraceMs: number;

  constructor(database: WorkerDatabase, options: PostgresBarrierOptions = {}) {
    this.#database = database;
    this.#statements = new BarrierStatements(options.schema ?? 'public');
    this.#lockTimeoutMs = options.lockTimeoutMs ?? 5_000;
    this.#idleGraceMs = options.idleGraceMs ?? 30_000;
  }

  perform(group: readonly BarrierEntry[]): readonly Promise<Answer>[] {
    return group.map((entry) => this.#answer(entry));
  }

  async #answer(entry: BarrierEntry): Promise<Answer> {
    try {
      if (entry.order.mode === 'transaction') return await this.#inOneTransaction(entry);
      if (entry.order.mode === 'external') return await this.#aroundTheHandler(entry);
      return settle(CLAIMED, await entry.effect(undefined)).answer;
    } catch (error) {
      if (error instanceof BarrierUnavailable) throw error;
      return failureOf(error);
    }
  }

  /** The row commits with the handler's own writes, or neither does. */
  #inOneTransaction({ order, effect }: BarrierEntry): Promise<Answer> {
    return inTransaction(this.#database, this.#limits(order), async ({ client, tx }) => {
      const { admission, row } = await this.#admit(client, order);
      if (!admission.run) return { commit: true, value: admission.answer };
      await client.query(`SAVEPOINT ${SAVEPOINT}`);
      const keepAlive = (): Promise<void> =>
        client.query('SELECT 1').then(
          () => undefined,
          // What is wrong with the transaction shows at its end.
          () => undefined,
        );
      const result = await effect(tx, keepAlive);
      const { stored, answer } = settle(row, result);
      if (result.outcome === 'failed' || stored === undefined) {
        const { thrown, abandoned } = result.outcome === 'failed' ? result : {};
        return { commit: false, value: answer, thrown, ...(abandoned ? { abandoned } : {}) };
      }
      if (result.outcome === 'rejected') await client.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
      await this.#statements.store(client, order.effectKey, stored, answer);
      return { commit: true, value: answer };
    });
  }

  /** The row `started` commits before the handler, and its end after. */
  async #aroundTheHandler({ order, effect }: BarrierEntry): Promise<Answer> {
    const limits = this.#limits(order);
    const { admission } = await inTransaction(this.#database, limits, async ({ client }) => ({
      commit: true,
      value: await this.#admit(client, order),
    }));
    if (!admission.run) return admission.answer;
    const result = await effect(undefined);
    return inTransaction(this.#database, limits, async ({ client }) => {
      const row = (await this.#statements.lock(client, order.effectKey)) ?? CLAIMED;
      const { stored, answer } = settle(row, result);
      if (stored !== undefined) await this.#statements.store(client, order.effectKey, stored, answer);
      return { commit: true, value: answer };
    });
  }

  /** Reads and writes what must be known before the handler may run. The rows stay locked until the transaction ends. */
  async #admit(client: ClientBase, order: BarrierOrder): Promise<{ admission: Admission; row: BarrierRow }> {
    const claimed = await this.#statements.claim(client, order);
    const found = claimed ? undefined : await this.#locked(client, order.effectKey);
    const row = found ? { ...found, executions: found.executions + 1 } : CLAIMED;
    const admission = admit(found);
    if (!admission.run) return { admission, row };
    if (order.direction === 'undo') {
      const forwardKey = forwardKeyOf(order);
      const buried = await this.#statements.bury(client, order);
      const forward = buried ? undefined : await this.#locked(client, forwardKey);
      const undo = admitUndo(forward, order.forwardOutcome);
      if (!undo.run) {
        await this.#statements.store(client, order.effectKey, 'succeeded', undo.answer);
        return { admission: undo, row };
      }
      if (forward && !forward.undoBegan) await this.#statements.markUndoBegan(client, forwardKey);
    }
    if (found) await this.#statements.countExecution(client, order);
    return { admission, row };
  }

  async #locked(client: ClientBase, effectKey: string): Promise<BarrierRow> {
    const row = await this.#statements.lock(client, effectKey);
    if (!row) throw new RowGone(effectKey);
    return row;
  }

  #limits(order: BarrierOrder) {
    const idleTimeoutMs = order.timeoutMs === undefined ? 0 : order.timeoutMs + this.#idleGraceMs;
    return { lockTimeoutMs: this.#lockTimeoutMs, idleTimeoutMs };
  }
}

/** A row that stopped a claim was purged before it could be read: the same transaction, run again, makes its own. */
class RowGone extends Error {
  readonly code = '40001';
  constructor(effectKey: string) {
    super(`the barrier row of ${effectKey} was deleted meanwhile`);
  }
}

function failureOf(error: unknown): Answer {
  const message = error instanceof Error ? error.message : String(error);
  if (troubleOf(error) === 'contention') {
    return { outcome: 'failed', error: { code: 'DATABASE_BUSY', message }, retryable: true };
  }
  // 25P02: a statement after the one whose error was swallowed.
  if (error instanceof TransactionAborted || sqlstateOf(error) === '25P02') {
    const facts = { code: 'TRANSACTION_ABORTED', message: new TransactionAborted().message };
    return { outcome: 'failed', error: facts, retryable: true };
  }
  return {
    outcome: 'failed',
    error: { code: 'BARRIER_FAILED', message: message.slice(0, 2000) },
    retryable: true,
  };
}
