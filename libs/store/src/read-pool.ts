import pg from 'pg';
import { GRACE, clientConfig, endClient } from './connection.js';
import type { ConnectionSettings } from './connection.js';
import { storeErrorOf, verdictOn } from './errors.js';
import { PLANNING } from './planning.js';

/** A few connections for the engine's look-ups, so that they wait neither for lanes nor for people's queries. */
export class ReadPool {
  private readonly pool: pg.Pool;
  private readonly patience: number;
  private readonly clients = new Set<pg.PoolClient>();
  private isClosed = false;

  constructor(settings: ConnectionSettings & { connections: number; onError: (error: unknown) => void }) {
    this.patience = settings.statementTimeout + GRACE;
    this.pool = new pg.Pool({
      ...clientConfig({ ...settings, session: PLANNING }),
      max: settings.connections,
    });
    // The first is for connections that break while idle, the second for those in use.
    this.pool.on('error', settings.onError);
    this.pool.on('connect', (client) => {
      this.clients.add(client);
      client.on('error', settings.onError);
    });
    this.pool.on('remove', (client) => this.clients.delete(client));
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
    // Ending a client whose statement is under way destroys its socket.
    const watchdog = setTimeout(() => {
      void endClient(client);
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
    const ended = this.pool.end();
    await Promise.all([...this.clients].map(endClient));
    await ended;
  }
}
