import { CLAIMED, forwardKeyOf, settle, type Answer, type BarrierOrder } from '@counterstep/core';
import { BarrierUnavailable, type Barrier, type BarrierEntry } from './barrier.js';
import type { Session, WorkerDatabase } from './database.js';
import { OpenRows } from './open-rows.js';
import { HandlerSavepoint } from './savepoint.js';
import { SharedTransactions } from './shared-transactions.js';
import { isRefusal, sqlstateOf, troubleOf } from './sqlstate.js';
import { BarrierStatements } from './statements.js';
import { inTransaction, MAX_TRIES, TransactionAborted, type End } from './transaction.js';

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

/** Milliseconds that the others of a group wait for a handler. */
const PATIENCE_MS = 10;

/** An entry whose answer is awaited. */
interface Pending extends BarrierEntry {
  settle(answer: Answer): void;
  fail(error: BarrierUnavailable): void;
}

/**
 * The barrier on a table in the worker's own database, which `ensureBarrierTable` makes. In mode `transaction` the entries
 * of a group share one transaction, in which their handlers run one after the other.
 */
export class PostgresBarrier implements Barrier {
  readonly #database: WorkerDatabase;
  readonly #statements: BarrierStatements;
  readonly #lockTimeoutMs: number;
  readonly #idleGraceMs: number;
  readonly #shared: SharedTransactions<BarrierOrder>;

  constructor(database: WorkerDatabase, options: PostgresBarrierOptions = {}) {
    this.#database = database;
    this.#statements = new BarrierStatements(options.schema ?? 'public');
    this.#lockTimeoutMs = options.lockTimeoutMs ?? 5_000;
    this.#idleGraceMs = options.idleGraceMs ?? 30_000;
    this.#shared = new SharedTransactions((orders, body) =>
      this.#withRows(orders, async (rows) => ({ value: body(rows) })),
    );
  }

  perform(group: readonly BarrierEntry[]): readonly Promise<Answer>[] {
    const together: Pending[] = [];
    const answers = group.map(async (entry) => {
      try {
        if (entry.order.mode === 'external') return await this.#aroundTheHandler(entry);
        if (entry.order.mode === 'none') return settle(CLAIMED, await entry.effect(undefined)).answer;
        return await new Promise<Answer>((resolve, reject) => {
          together.push({ ...entry, settle: resolve, fail: reject });
        });
      } catch (error) {
        if (error instanceof BarrierUnavailable) throw error;
        return failureOf(error);
      }
    });
    void this.#inOneTransaction(together);
    return answers;
  }

  /** The rows commit with the handlers' own writes, or nothing does. What the group fails over is done in halves. */
  async #inOneTransaction(given: readonly Pending[], isLocked = false): Promise<void> {
    if (given.length === 0) return;
    // Those that are given away, because one before them takes long, leave it.
    const group = [...given];
    let again: readonly Pending[];
    try {
      const { answers, left } = await this.#withRows(
        group.map(({ order }) => order),
        (rows, session) => this.#oneAfterTheOther(group, rows, session),
        isLocked,
      );
      for (const [pending, answer] of answers) pending.settle(answer);
      again = left;
    } catch (error) {
      if (error instanceof BarrierUnavailable) {
        for (const pending of group) pending.fail(error);
        return;
      }
      if (group.length === 1) {
        const answer = error instanceof HandlerBusy ? error.answer : failureOf(error);
        for (const pending of group) pending.settle(answer);
        return;
      }
      again = group;
    }
    const half = Math.ceil(again.length / 2);
    // What could not be done beside others is done without them, and ends when its group does not shrink any more.
    await this.#inOneTransaction(again.slice(0, half));
    await this.#inOneTransaction(again.slice(half));
  }

  /**
   * The answers, none of which is final before the COMMIT, and what must be done again in another transaction. What waits
   * behind a handler that takes long is taken out of the group and done in another transaction meanwhile, under the locks
   * of this one: so others are still kept away from it.
   */
  async #oneAfterTheOther(
    group: Pending[],
    rows: OpenRows,
    session: Session,
  ): Promise<End<{ answers: Map<Pending, Answer>; left: Pending[] }>> {
    const progress = { begun: 0, since: performance.now() };
    const patience = setInterval(() => {
      const isSlow = performance.now() - progress.since >= PATIENCE_MS;
      if (isSlow) void this.#inOneTransaction(group.splice(progress.begun), true);
    }, PATIENCE_MS);
    try {
      return await this.#runAll(group, rows, session, progress);
    } finally {
      clearInterval(patience);
    }
  }

  async #runAll(
    group: readonly Pending[],
    rows: OpenRows,
    { client, tx, broken }: Session,
    progress: { begun: number; since: number },
  ): Promise<End<{ answers: Map<Pending, Answer>; left: Pending[] }>> {
    const answers = new Map<Pending, Answer>();
    const left: Pending[] = [];
    const isAlone = group.length === 1;
    for (let pending = group[0]; pending; pending = group[progress.begun]) {
      progress.begun += 1;
      progress.since = performance.now();
      const { order, effect } = pending;
      const admission = rows.enter(order);
      if (!admission.run) {
        answers.set(pending, admission.answer);
        continue;
      }
      const savepoint = new HandlerSavepoint(client);
      const result = await effect(tx, () => savepoint.keepAlive());
      if (result.outcome === 'failed') {
        const { answer } = settle(CLAIMED, result);
        if (result.abandoned) {
          // Its connection is closed, so nothing of this transaction can stand.
          const others = group.filter((each) => each !== pending);
          return { value: { answers: new Map([[pending, answer]]), left: others }, abandoned: true };
        }
        // Postgres refused to work: that is not the handler's failure.
        if (broken() || isRefusal(result.thrown)) throw new BarrierUnavailable(result.thrown);
        await savepoint.rollBack();
        rows.takeBack();
        if (troubleOf(result.thrown) !== 'contention') answers.set(pending, answer);
        else if (!isAlone) left.push(pending);
        else throw new HandlerBusy(answer);
        continue;
      }
      if (result.outcome === 'rejected') await savepoint.rollBack();
      else {
        try {
          await savepoint.release();
        } catch (error) {
          if (broken()) throw error;
          await savepoint.rollBack();
          rows.takeBack();
          answers.set(pending, failureOf(error));
          continue;
        }
      }
      answers.set(pending, rows.leave(order, result));
    }
    return { value: { answers, left } };
  }

  /** The row `started` commits before the handler, and its end after. */
  async #aroundTheHandler({ order, effect }: BarrierEntry): Promise<Answer> {
    const admission = await this.#shared.run(order, (rows) => rows.enter(order));
    if (!admission.run) return admission.answer;
    const result = await effect(undefined);
    return this.#shared.run(order, (rows) => rows.leave(order, result));
  }

  /** Locks and reads the rows that the orders speak of, and writes those that `body` changed. */
  #withRows<T>(
    orders: readonly BarrierOrder[],
    body: (rows: OpenRows, session: Session) => Promise<End<T>>,
    isLocked = false,
  ): Promise<T> {
    const keys = [...new Set(orders.flatMap(keysOf))];
    const timeouts = orders.map(({ mode, timeoutMs = Infinity }) => (mode === 'transaction' ? timeoutMs : 0));
    const longest = Math.max(...timeouts);
    const limits = {
      lockTimeoutMs: this.#lockTimeoutMs,
      idleTimeoutMs: Number.isFinite(longest) ? longest + this.#idleGraceMs : 0,
    };
    // Of a larger group the parts are tried again.
    const tries = orders.length === 1 ? MAX_TRIES : 1;
    return inTransaction(
      this.#database,
      limits,
      tries,
      this.#statements.open(keys, isLocked),
      async (session, found) => {
        const rows = new OpenRows(this.#statements.rowsOf(found));
        const end = await body(rows, session);
        const { made, changed } = rows.written();
        return { ...end, last: this.#statements.close(made, changed) };
      },
    );
  }
}

/** A deadlock or the like in the only handler of a transaction, which is worth another try. */
class HandlerBusy extends Error {
  readonly code = '40001';
  constructor(readonly answer: Answer) {
    super('a handler met others in its database');
  }
}

function keysOf(order: BarrierOrder): string[] {
  return order.direction === 'undo' ? [order.effectKey, forwardKeyOf(order)] : [order.effectKey];
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
