import pg from 'pg';
import { clientConfig } from './connection.js';
import type { ConnectionSettings } from './connection.js';
import { storeErrorOf, verdictOn } from './errors.js';

/** How much longer than the server's own timeout we wait before we take it for frozen, in milliseconds. */
const GRACE = 5_000;

/** A few connections for the engine's look-ups, so that they wait neither for lanes nor for people's queries. */
export class ReadPool {
  private readonly pool: pg.Pool;
  private readonly patience: number;
  private isClosed = false;

  constructor(settings: ConnectionSettings & { connections: number; onError: (error: unknown) => void }) {
    this.patience = settings.statementTimeout + GRACE;
    this.pool = new pg.Pool({ ...clientConfig(settings), max: settings.connections });
    // The first is for connections that break while idle, the second for those in use.
    this.pool.on('error', settings.onError);
    this.pool.on('connect', (client) => client.on('error', settings.onError));
  }

  /** The rows of one statement. Rejects with `StateStoreError` or `StoreContentError`. */
  async query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    let client: pg.PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw storeErrorOf(error);
    }
    let failure: unknown;
    // Released with an error, a client is ended, and its socket destroyed if a statement is under way.
    const watchdog = setTimeout(() => {
      (client as unknown as pg.Client).end().catch(() => undefined);
    }, this.patience);
    try {
      return (await client.query<Row>(query)).rows;
    } catch (error) {
      failure = error;
      throw storeErrorOf(error);
    } finally {
      clearTimeout(watchdog);
      client.release(failure !== undefined && verdictOn(failure) === 'lost');
    }
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.pool.end();
  }
}
