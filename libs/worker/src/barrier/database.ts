import type { Client, ClientBase, Pool, PoolClient, QueryResult } from 'pg';
import type { DataSource } from 'typeorm';
import { BarrierUnavailable } from './barrier.js';

/** The worker's own database: the handlers' `context.tx` is a `PoolClient` of the pool, or an `EntityManager`. */
export type WorkerDatabase = Pool | DataSource;

/** One connection for one transaction. `tx` and `client` are the same connection. */
export interface Session {
  readonly client: ClientBase;
  readonly tx: unknown;
  /** Begins a transaction, READ COMMITTED, with these statements. The rows of the last one. */
  begin(statements: string): Promise<readonly unknown[]>;
  /** Whether the connection is known to be lost. */
  broken(): boolean;
  /** Gives the connection back, or closes it for good when `destroy` is set or it is broken. Never throws. */
  release(destroy: boolean): Promise<void>;
}

/** The rules rest on it: after the locks, the next statement sees what those before us committed. */
const ISOLATION = 'ISOLATION LEVEL READ COMMITTED';

/** Takes a connection. Rejects with `BarrierUnavailable` when there is none to be had. */
export async function openSession(database: WorkerDatabase): Promise<Session> {
  try {
    return 'createQueryRunner' in database ? await fromDataSource(database) : await fromPool(database);
  } catch (error) {
    throw new BarrierUnavailable(error);
  }
}

async function fromPool(pool: Pool): Promise<Session> {
  const client = await pool.connect();
  const watch = watchFor(client);
  return {
    client,
    tx: client,
    begin: async (statements) => rowsOf(await client.query(`BEGIN ${ISOLATION}; ${statements}`)),
    broken: watch.broken,
    release: async (destroy) => {
      client.release(destroy || watch.broken());
      watch.end();
    },
  };
}

async function fromDataSource(dataSource: DataSource): Promise<Session> {
  const runner = dataSource.createQueryRunner('master');
  const client = (await runner.connect()) as PoolClient & Pick<Client, 'end'>;
  const watch = watchFor(client);
  return {
    client,
    tx: runner.manager,
    begin: async (statements) => {
      // Begun by TypeORM, so that a `transaction()` of the handler becomes a savepoint and not a second BEGIN, whose COMMIT
      // would end ours. It is ended on the client, because TypeORM does not look at COMMIT's answer.
      await runner.startTransaction();
      return rowsOf(await client.query(`SET TRANSACTION ${ISOLATION}; ${statements}`));
    },
    broken: watch.broken,
    release: async (destroy) => {
      // The pool drops a client that is ending.
      if (destroy && !watch.broken()) client.end().catch(() => undefined);
      await runner.release().catch(() => undefined);
      watch.end();
    },
  };
}

/** Of a text with several statements a client gives several results. */
export function lastOf(results: QueryResult | readonly QueryResult[]): QueryResult {
  const last = [results].flat().at(-1);
  if (!last) throw new TypeError('a statement without a result');
  return last;
}

function rowsOf(results: QueryResult | readonly QueryResult[]): readonly unknown[] {
  return lastOf(results).rows;
}

/** While a client is out of its pool nobody listens to it, and an unheard 'error' would end the process. */
function watchFor(client: ClientBase): { broken(): boolean; end(): void } {
  let lost = false;
  const onLoss = () => {
    lost = true;
  };
  client.on('error', onLoss);
  client.on('end', onLoss);
  return {
    broken: () => lost,
    end: () => {
      client.off('end', onLoss);
      // The error listener stays when the connection is lost: a second error may still follow.
      if (!lost) client.off('error', onLoss);
    },
  };
}
