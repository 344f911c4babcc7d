import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { StateStoreError } from '@counterstep/core';
import pg from 'pg';
import { storeErrorOf, verdictOn } from './errors.js';

export interface ConnectionSettings {
  readonly url: string;
  readonly applicationName: string;
  /** Milliseconds after which the server cancels a statement. */
  readonly statementTimeout: number;
  /** Session settings of the server, by name. */
  readonly session?: Readonly<Record<string, string>>;
}

/** How much longer than the server's own timeout we wait before we take it for frozen, in milliseconds. */
export const GRACE = 5_000;
const CONNECT_TIMEOUT = 5_000;
/** How long a server may take to answer a goodbye. */
const GOODBYE = 2_000;
const TRIES = 4;
/** Each time another lane's rows came first, so somebody got on; of many lanes that want one row each may have to wait for all. */
const RACES = 30;

/** Limits are the server's: a limit of the client's would leave the statement running and the connection in use. */
export function clientConfig({
  url,
  applicationName,
  statementTimeout,
  session = {},
}: ConnectionSettings): pg.ClientConfig {
  const options = {
    jit: 'off',
    tcp_keepalives_idle: '10',
    tcp_keepalives_interval: '5',
    tcp_keepalives_count: '3',
    ...session,
  };
  return {
    connectionString: url,
    application_name: applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    statement_timeout: statementTimeout,
    lock_timeout: Math.ceil(statementTimeout / 2),
    idle_in_transaction_session_timeout: statementTimeout,
    options: Object.entries(options)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  };
}

/**
 * One connection to Postgres, for one statement at a time. Once lost it stays lost: every later query rejects with
 * `StateStoreError` (`CONNECTION_LOST`), and so does the one that was under way, whose fate is then unknown.
 */
export class Connection {
  private lost: StateStoreError | undefined;
  private isBusy = false;

  private constructor(
    private readonly client: pg.Client,
    private readonly patience: number,
  ) {
    // Without a listener a backend that is killed while idle would end this process.
    client.on('error', (error) => {
      this.lose(error);
    });
    client.on('end', () => {
      this.lose(new Error('the server closed it'));
    });
  }

  static async open(settings: ConnectionSettings): Promise<Connection> {
    const client = new pg.Client(clientConfig(settings));
    const connection = new Connection(client, settings.statementTimeout + GRACE);
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw new StateStoreError('STORE_UNAVAILABLE', `Postgres cannot be reached: ${textOf(error)}`, {
        cause: error,
      });
    }
    return connection;
  }

  get isLost(): boolean {
    return this.lost !== undefined;
  }

  /** Repeats what the server rolled back for reasons that pass, a few times. */
  async query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.queryOnce<Row>(query);
      } catch (error) {
        if (this.lost) throw this.lost;
        const most = isRace(error) ? RACES : verdictOn(error) === 'again' ? TRIES : 1;
        if (tries >= most) throw storeErrorOf(error);
      }
      await delay(Math.random() * 10 * 2 ** Math.min(tries, TRIES));
    }
  }

  async end(): Promise<void> {
    this.lost ??= new StateStoreError('CONNECTION_LOST', 'the connection was closed');
    await endClient(this.client);
  }

  private async queryOnce<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    if (this.lost) throw this.lost;
    if (this.isBusy) throw new Error('a connection takes one statement at a time');
    this.isBusy = true;
    const watchdog = setTimeout(() => {
      this.lose(new Error(`the server has not answered for ${this.patience} ms`));
    }, this.patience);
    try {
      return (await this.client.query<Row>(query)).rows;
    } catch (error) {
      if (verdictOn(error) === 'lost') this.lose(error);
      throw error;
    } finally {
      clearTimeout(watchdog);
      this.isBusy = false;
    }
  }

  /** Ending a client whose statement is under way destroys its socket, which is what a frozen server needs. */
  private lose(cause: unknown): void {
    if (this.lost) return;
    this.lost = new StateStoreError(
      'CONNECTION_LOST',
      `the connection to Postgres was lost: ${textOf(cause)}`,
      { cause },
    );
    this.client.end().catch(() => undefined);
  }
}

/** Also when the server has frozen and will never hang up. */
export async function endClient(client: pg.ClientBase): Promise<void> {
  const { connection, end } = client as unknown as {
    connection: { stream: Socket };
    end: () => Promise<void>;
  };
  const hangUp = setTimeout(() => connection.stream.destroy(), GOODBYE);
  await end.call(client).catch(() => undefined);
  clearTimeout(hangUp);
}

/**
 * A unique violation means that a row appeared after the statement's snapshot was taken; the next snapshot has it, and the
 * statement then leaves that row alone.
 */
function isRace(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
