import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { StoreContentError } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { NOON, TIMEOUT, Tale, Writer } from '@counterstep/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { freshDatabase } from '../support/postgres.js';
import type { FreshDatabase } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

jest.setTimeout(30_000);

let database: FreshDatabase;
let admin: pg.Client;
/** Within a transaction `pg_stat_activity` stands still, so this one never has any. */
let observer: pg.Client;
let stores: PostgresStore[];
const committed = { kind: 'committed', stale: [], now: expect.any(Number) };

beforeEach(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  admin = await adminClient();
  observer = await adminClient();
  stores = [];
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await admin.end();
  await observer.end();
  await database.drop();
});

async function adminClient(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, application_name: 'admin' });
  await client.connect();
  return client;
}

async function opened(
  options: Partial<ConstructorParameters<typeof PostgresStore>[0]> = {},
): Promise<PostgresStore> {
  const store = new PostgresStore({ url: database.url, ...options });
  stores.push(store);
  await store.open();
  return store;
}

/** The backend of ours that waits for a row that `admin` holds. */
function waiting(): Promise<{ pid: number; start: string }> {
  return waitFor(
    async () => {
      const sql = `SELECT pid, query_start::text AS start FROM pg_stat_activity
        WHERE datname = current_database() AND application_name <> 'admin' AND wait_event_type = 'Lock'`;
      return (await observer.query<{ pid: number; start: string }>(sql)).rows[0];
    },
    { what: 'a statement waits for a row' },
  );
}

describe('a batch that Postgres refuses', () => {
  test('is an error with its SQLSTATE; halved, only the culprit is left out', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const [good, bad] = [new Tale(), new Tale()];
    await admin.query(`
      CREATE FUNCTION counterstep.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '22P05'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON counterstep.history FOR EACH ROW
      WHEN (NEW.saga_id = '${bad.sagaId}') EXECUTE FUNCTION counterstep.refuse()`);
    const [fine, poison] = [good.start(), bad.start()];
    const refused = writer.commit([fine, poison]);
    await expect(refused).rejects.toThrow(StoreContentError);
    await expect(refused).rejects.toMatchObject({ code: '22P05', retryable: false });
    await expect(writer.commit([poison])).rejects.toMatchObject({ code: '22P05' });
    expect(await writer.commit([fine])).toEqual(committed);
    expect(await store.load([good.sagaId, bad.sagaId])).toHaveLength(1);
  });

  test('the schema itself refuses a saga that would hang, and the query for such sagas finds one', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start(), new Tale().start()]);
    const hang = 'UPDATE counterstep.saga SET due_at = NULL, due_bucket = NULL WHERE id = $1';
    await expect(admin.query(hang, [tale.sagaId])).rejects.toMatchObject({ code: '23514' });
    await admin.query('ALTER TABLE counterstep.saga DROP CONSTRAINT saga_does_not_hang');
    await admin.query(hang, [tale.sagaId]);
    expect(await store.hangingSagas(10)).toEqual([tale.sagaId]);
    // So that the check after every test finds none.
    await admin.query('DELETE FROM counterstep.saga WHERE id = $1', [tale.sagaId]);
  });
});

describe('a commit that meets somebody else', () => {
  test('writes nothing when a take-over was under way before it', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    await admin.query('BEGIN');
    await admin.query('UPDATE counterstep.lane SET epoch = epoch + 1 WHERE id = $1', [writer.lane.id]);
    const tale = new Tale();
    const commit = writer.commit([tale.start()]);
    await waiting();
    await admin.query('COMMIT');
    expect(await commit).toEqual({ kind: 'laneLost' });
    expect(await store.load([tale.sagaId])).toEqual([]);
  });

  test('keeps a take-over waiting until all of it is written', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    await admin.query('BEGIN');
    await admin.query('SELECT FROM counterstep.saga WHERE id = $1 FOR UPDATE', [tale.sagaId]);
    const commit = writer.commit([tale.reply('charge')]);
    await waiting();
    const taker = await adminClient();
    const sql = 'UPDATE counterstep.lane SET epoch = epoch + 1 WHERE id = $1 RETURNING (SELECT 1)';
    let isTaken = false;
    const takeOver = taker.query(sql, [writer.lane.id]).then(() => (isTaken = true));
    await waitFor(
      async () =>
        (
          await observer.query("SELECT FROM pg_stat_activity WHERE query = $1 AND wait_event_type = 'Lock'", [
            sql,
          ])
        ).rowCount === 1,
      { what: 'the take-over waits' },
    );
    expect(isTaken).toBe(false);
    await admin.query('COMMIT');
    expect(await commit).toEqual(committed);
    await takeOver;
    await taker.end();
    expect((await store.load([tale.sagaId]))[0]?.records).toHaveLength(2);
  });

  test('sees a saga that was started after it began as stale', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const [model, tale] = [new Tale(), new Tale()];
    await writer.commit([model.start()]);
    await admin.query('BEGIN');
    await admin.query(
      `CREATE TEMP TABLE copy AS SELECT * FROM counterstep.saga WHERE id = '${model.sagaId}';
       UPDATE copy SET id = '${tale.sagaId}';
       INSERT INTO counterstep.saga SELECT * FROM copy`,
    );
    const key = { scope: 'request', key: 'a', bodyHash: 'h' };
    const commit = writer.commitWrites([
      writer.write(tale.start(), key),
      writer.write(model.reply('charge')),
    ]);
    await waiting();
    await admin.query('COMMIT');
    expect(await commit).toEqual({ ...committed, stale: [tale.sagaId] });
    expect(await store.findKeys([key])).toEqual([]);
    expect((await store.load([model.sagaId]))[0]?.records).toHaveLength(2);
  });

  test('is repeated when a lock is not to be had in time', async () => {
    const store = await opened({ lanesStatementTimeoutMs: 300 });
    const writer = await Writer.on(store);
    await admin.query('BEGIN');
    await admin.query('SELECT FROM counterstep.lane FOR UPDATE');
    const commit = writer.commit([new Tale().start()]);
    const first = await waiting();
    await waitFor(async () => (await waiting()).start !== first.start, { what: 'a second try' });
    await admin.query('COMMIT');
    expect(await commit).toEqual(committed);
  });
});

describe('a connection that is lost', () => {
  test('during a commit: the lane is dead for its owner, and there for a take-over', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const [before, lost] = [new Tale(), new Tale()];
    await writer.commit([before.start()]);
    await admin.query('BEGIN');
    await admin.query('SELECT FROM counterstep.lane FOR UPDATE');
    const start = lost.start();
    const commit = writer.commit([start]);
    const outcome = expect(commit).rejects.toMatchObject({
      name: 'StateStoreError',
      code: 'CONNECTION_LOST',
    });
    const { pid } = await waiting();
    await admin.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    await admin.query('COMMIT');
    await outcome;
    await expect(writer.commit([])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
    const dead = await waitFor(() => store.takeDeadLane(), { what: 'the dead lane' });
    expect(dead.sagas.map(({ sagaId }) => sagaId)).toEqual([before.sagaId]);
    await dead.done();
    expect(await (await Writer.on(store)).commit([start])).toEqual(committed);
  });

  test('while idle: the process lives, and look-ups go on over new connections', async () => {
    const store = await opened({ applicationName: 'idle' });
    const lane = await store.openLane([]);
    await Promise.all([store.now(), store.now(), store.list({ limit: 1 }), store.takeDeadLane()]);
    await admin.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'idle'",
    );
    await waitFor(() => store.now(), { what: 'look-ups work again' });
    await waitFor(() => store.list({ limit: 1 }), { what: 'lists work again' });
    expect((await waitFor(() => store.takeDeadLane(), { what: 'the dead lane' })).id).toBe(lane.id);
  });

  test('to a server that has frozen: given up soon after the server should have', async () => {
    const proxy = await proxyTo(database.url);
    const store = await opened({ url: proxy.url, lanesStatementTimeoutMs: 100 });
    const writer = await Writer.on(store);
    expect(await writer.commit([new Tale().start()])).toEqual(committed);
    proxy.freeze();
    await expect(writer.commit([new Tale().start()])).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await expect(writer.commit([])).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    proxy.close();
  });
});

describe('the sweep', () => {
  test('a bucket stays while the saga moves on, and is renewed once its minute has passed', async () => {
    const store = await opened();
    const writer = await Writer.on(store);
    const tale = new Tale();
    const bucket = async (): Promise<number | undefined> => {
      const { rows } = await admin.query<{ due_bucket: number }>('SELECT due_bucket FROM counterstep.saga');
      return rows[0]?.due_bucket;
    };
    const minute = (at: number): number => Math.floor(at / 60_000);
    await writer.commit([tale.start()]);
    expect(await bucket()).toBe(minute(NOON + TIMEOUT));
    await writer.commit([tale.reply('charge', {}, NOON + 600_000)]);
    expect(await bucket()).toBe(minute(NOON + TIMEOUT));
    expect(await store.dueSagas(NOON + 300_000, 10)).toEqual([]);
    expect(await bucket()).toBe(minute(NOON + 600_000 + TIMEOUT));
  });
});

describe('a dead lane that cannot be forgotten', () => {
  test('is free for others', async () => {
    const [dying, first, second] = [await opened(), await opened(), await opened()];
    const writer = await Writer.on(dying);
    await writer.commit([new Tale().start()]);
    await writer.lane.close();
    await admin.query(`
      CREATE FUNCTION counterstep.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON counterstep.lane FOR EACH ROW EXECUTE FUNCTION counterstep.refuse()`);
    const dead = await first.takeDeadLane();
    await expect(dead?.done()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await dead?.release();
    await admin.query('DROP TRIGGER refuse ON counterstep.lane');
    const again = await second.takeDeadLane();
    expect(again?.id).toBe(dead?.id);
    await again?.done();
    expect(await first.takeDeadLane()).toBeUndefined();
  });
});

describe('a store opens only', () => {
  test('on a server that keeps what it confirms', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await admin.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    await expect(opened()).rejects.toMatchObject({ name: 'ValidationError', code: 'SYNCHRONOUS_COMMIT_OFF' });
  });

  test('on a schema that is up to date, which several may migrate at once', async () => {
    await admin.query('DROP SCHEMA counterstep CASCADE');
    await expect(opened()).rejects.toMatchObject({ name: 'ValidationError', code: 'SCHEMA_OUTDATED' });
    await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
    await migrate(database.url);
    expect(await (await opened()).list({ limit: 1 })).toEqual([]);
  });

  test('when the server answers; and it may be asked again', async () => {
    const proxy = await proxyTo(database.url);
    proxy.close();
    const store = new PostgresStore({ url: proxy.url });
    stores.push(store);
    await expect(store.open()).rejects.toMatchObject({ name: 'StateStoreError', retryable: true });
    await expect(store.openLane([])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.list({ limit: 1 })).rejects.toMatchObject({ name: 'StateStoreError' });
  });
});

/** A way to the server that can be made to go silent, with all connections open. */
async function proxyTo(url: string): Promise<{ url: string; freeze(): void; close(): void }> {
  const target = new URL(url);
  const port = Number(target.port);
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, target.hostname);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', () => {
      listening();
    });
  });
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.toString(),
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
