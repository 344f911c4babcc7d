import { CLAIMED, forwardKeyOf, settle, type Answer, type BarrierOrder } from '@counterstep/core';
import { BarrierUnavailable, type Barrier, type BarrierEntry } from './barrier.js';
import type { Session, WorkerDatabase } from './database.js';
import { performWithout } from './no-barrier.js';
import { OpenRows } from './open-rows.js';
import { HandlerSavepoints } from './savepoint.js';
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

/** A group's way through its transaction. */
interface Progress {
  begun: number;
  /** When the last one began. */
  since: number;
  /** Those that are done in other transactions meanwhile. */
  readonly away: Promise<void>[];
}

/** By the place in the group: the answers, none of which is final before the COMMIT. The others must be done again. */
type Answers = (Answer | undefined)[];

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

  async perform(group: readonly BarrierEntry[]): Promise<void> {
    const together = group.filter(({ order }) => order.mode === 'transaction');
    const alone = group.filter(({ order }) => order.mode !== 'transaction');
    await Promise.all([this.#inOneTransaction(together), ...alone.map((entry) => this.#outside(entry))]);
  }

  /** The rows commit with the handlers' own writes, or nothing does. What the group fails over is done in halves. */
  async #inOneTransaction(given: readonly BarrierEntry[], isLocked = false): Promise<void> {
    if (given.length === 0) return;
    // Those that are given away, because one before them takes long, leave it.
    const group = [...given];
    const away: Promise<void>[] = [];
    const again = await this.#commit(group, away, isLocked);
    const half = Math.ceil(again.length / 2);
    // What could not be done beside others is done without them, and ends when its group does not shrink any more.
    await this.#inOneTransaction(again.slice(0, half));
    await this.#inOneTransaction(again.slice(half));
    await Promise.all(away);
  }

  /** Tells the entries how they ended. Those that must be done again in another transaction. */
  async #commit(
    group: BarrierEntry[],
    away: Promise<void>[],
    isLocked: boolean,
  ): Promise<readonly BarrierEntry[]> {
    let answers: Answers;
    try {
      answers = await this.#withRows(
        group.map(({ order }) => order),
        (rows, session) => this.#oneAfterTheOther(group, rows, session, away),
        isLocked,
      );
    } catch (error) {
      if (error instanceof BarrierUnavailable) for (const entry of group) entry.undecided(error);
      else if (group.length > 1) return group;
      else group[0]?.answered(error instanceof HandlerBusy ? error.answer : failureOf(error));
      return [];
    }
    return group.filter((entry, index) => {
      const answer = answers[index];
      if (answer) entry.answered(answer);
      return !answer;
    });
  }

  /**
   * What waits behind a handler that takes long is taken out of the group and done in another transaction meanwhile, under
   * the locks of this one: so others are still kept away from it.
   */
  async #oneAfterTheOther(
    group: BarrierEntry[],
    rows: OpenRows,
    session: Session,
    away: Promise<void>[],
  ): Promise<End<Answers>> {
    const progress: Progress = { begun: 0, since: performance.now(), away };
    const patience = setInterval(() => {
      const isSlow = performance.now() - progress.since >= PATIENCE_MS;
      if (isSlow) away.push(this.#inOneTransaction(group.splice(progress.begun), true));
    }, PATIENCE_MS);
    const savepoints = new HandlerSavepoints(session.client);
    try {
      return await this.#runAll(group, rows, session, savepoints, progress);
    } finally {
      clearInterval(patience);
      savepoints.end();
    }
  }

  async #runAll(
    group: readonly BarrierEntry[],
    rows: OpenRows,
    { tx, broken }: Session,
    savepoints: HandlerSavepoints,
    progress: Progress,
  ): Promise<End<Answers>> {
    const answers: Answers = [];
    const isAlone = group.length === 1;
    for (let entry = group[0]; entry; entry = group[progress.begun]) {
      const place = progress.begun;
      progress.begun += 1;
      progress.since = performance.now();
      const { order } = entry;
      const admission = rows.enter(order);
      if (!admission.run) {
        answers[place] = admission.answer;
        continue;
      }
      savepoints.next();
      const result = await entry.effect(tx, savepoints.keepAlive);
      if (result.outcome === 'failed') {
        const { answer } = settle(CLAIMED, result);
        if (result.abandoned) {
          // Its connection is closed, so nothing of this transaction can stand.
          const only: Answers = [];
          only[place] = answer;
          return { value: only, abandoned: true };
        }
        // Postgres refused to work: that is not the handler's failure.
        if (broken() || isRefusal(result.thrown)) throw new BarrierUnavailable(result.thrown);
        await savepoints.rollBack();
        rows.takeBack(order);
        const isBusy = troubleOf(result.thrown) === 'contention';
        if (isBusy && isAlone) throw new HandlerBusy(answer);
        answers[place] = isBusy ? undefined : answer;
        continue;
      }
      try {
        const ended = result.outcome === 'rejected' ? savepoints.rollBack() : savepoints.release();
        if (ended) await ended;
      } catch (error) {
        if (result.outcome === 'rejected' || broken()) throw error;
        await savepoints.rollBack();
        rows.takeBack(order);
        answers[place] = failureOf(error);
        continue;
      }
      answers[place] = rows.leave(order, result);
    }
    return { value: answers };
  }

  async #outside(entry: BarrierEntry): Promise<void> {
    try {
      if (entry.order.mode === 'external') entry.answered(await this.#aroundTheHandler(entry));
      else await performWithout(entry);
    } catch (error) {
      if (error instanceof BarrierUnavailable) entry.undecided(error);
      else entry.answered(failureOf(error));
    }
  }

  /** The row `started` commits before the handler, and its end after. */
  async #aroundTheHandler(entry: BarrierEntry): Promise<Answer> {
    const { order } = entry;
    const admission = await this.#shared.run(order, (rows) => rows.enter(order));
    if (!admission.run) return admission.answer;
    const result = await entry.effect(undefined);
    return this.#shared.run(order, (rows) => rows.leave(order, result));
  }

  /** Locks and reads the rows that the orders speak of, and writes those that `body` changed. */
  #withRows<T>(
    orders: readonly BarrierOrder[],
    body: (rows: OpenRows, session: Session) => Promise<End<T>>,
    isLocked = false,
  ): Promise<T> {
    const keys = new Set<string>();
    let longest = 0;
    for (const order of orders) {
      keys.add(order.effectKey);
      if (order.direction === 'undo') keys.add(forwardKeyOf(order));
      if (order.mode === 'transaction') longest = Math.max(longest, order.timeoutMs ?? Infinity);
    }
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
      this.#statements.open([...keys], isLocked),
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
