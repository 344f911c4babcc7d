import type { ClientBase } from 'pg';

const SAVEPOINT = 'counterstep_handler';

type Query = (...args: unknown[]) => unknown;

/**
 * A savepoint before the first statement of each handler of a transaction, so that it can be taken back alone. A handler
 * that asks its database for nothing costs none. Until `end`, `client.query` is watched.
 */
export class HandlerSavepoints {
  readonly #client: ClientBase;
  readonly #query: Query;
  readonly #own: PropertyDescriptor | undefined;
  #state: 'none' | 'awaited' | 'begun' = 'none';

  constructor(client: ClientBase) {
    this.#client = client;
    this.#own = Object.getOwnPropertyDescriptor(client, 'query');
    const query = client.query.bind(client) as Query;
    this.#query = query;
    const watched: Query = (...args) => {
      // The client sends one after the other. Should this fail, so will what comes after it.
      if (this.#state === 'awaited') {
        this.#state = 'begun';
        (query(`SAVEPOINT ${SAVEPOINT}`) as Promise<unknown>).catch(() => undefined);
      }
      return query(...args);
    };
    client.query = watched as ClientBase['query'];
  }

  /** A handler runs from now on; the one before it was released or rolled back. */
  next(): void {
    this.#state = 'awaited';
  }

  /** Tells the server that the client lives. Never rejects: what is wrong with the transaction shows at its end. */
  readonly keepAlive = async (): Promise<void> => {
    await (this.#query('SELECT 1') as Promise<unknown>).catch(() => undefined);
  };

  /** Keeps what the handler wrote. Rejects when one of its statements failed and it said nothing of it. */
  release(): Promise<unknown> | undefined {
    return this.#leave(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  }

  rollBack(): Promise<unknown> | undefined {
    return this.#leave(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`);
  }

  /** Nobody watches the client any more. */
  end(): void {
    this.#state = 'none';
    if (this.#own) Object.defineProperty(this.#client, 'query', this.#own);
    else delete (this.#client as { query?: unknown }).query;
  }

  /** Undefined when there is no savepoint to be ended. */
  #leave(statements: string): Promise<unknown> | undefined {
    const hasBegun = this.#state === 'begun';
    this.#state = 'none';
    return hasBegun ? (this.#query(statements) as Promise<unknown>) : undefined;
  }
}
