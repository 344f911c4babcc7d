import type { ClientBase } from 'pg';

const SAVEPOINT = 'counterstep_handler';

type Query = (...args: unknown[]) => unknown;

/**
 * A savepoint before the first statement of a handler, so that it can be taken back alone. A handler that asks its database
 * for nothing costs none. While it is open, `client.query` is watched; the barrier's own statements do not go through it.
 */
export class HandlerSavepoint {
  readonly #client: ClientBase;
  readonly #query: Query;
  readonly #own: PropertyDescriptor | undefined;
  #state: 'unused' | 'begun' | 'ended' = 'unused';

  constructor(client: ClientBase) {
    this.#client = client;
    this.#own = Object.getOwnPropertyDescriptor(client, 'query');
    const query = client.query.bind(client) as Query;
    this.#query = query;
    const watched: Query = (...args) => {
      // The client sends one after the other. Should this fail, so will what comes after it.
      if (this.#state === 'unused') {
        this.#state = 'begun';
        (query(`SAVEPOINT ${SAVEPOINT}`) as Promise<unknown>).catch(() => undefined);
      }
      return query(...args);
    };
    client.query = watched as ClientBase['query'];
  }

  /** Tells the server that the client lives. Never rejects: what is wrong with the transaction shows at its end. */
  async keepAlive(): Promise<void> {
    await (this.#query('SELECT 1') as Promise<unknown>).catch(() => undefined);
  }

  /** Keeps what the handler wrote. Rejects when one of its statements failed and it said nothing of it. */
  async release(): Promise<void> {
    if (this.#end()) await this.#query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  }

  async rollBack(): Promise<void> {
    if (this.#end()) await this.#query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`);
  }

  /** Whether there is a savepoint to be ended. */
  #end(): boolean {
    const begun = this.#state === 'begun';
    this.#state = 'ended';
    if (this.#own) Object.defineProperty(this.#client, 'query', this.#own);
    else delete (this.#client as { query?: unknown }).query;
    return begun;
  }
}
