import { PostgresStore, migrate } from '@counterstep/store';
import { storeConformance } from '@counterstep/testing';
import pg from 'pg';
import { freshDatabase } from '../support/postgres.js';

storeConformance('PostgresStore', async () => {
  const database = await freshDatabase();
  await migrate(database.url);
  const admin = new pg.Client(database.url);
  await admin.connect();
  const names = new Map<object, string>();
  return {
    store: async () => {
      const applicationName = `store ${names.size}`;
      const store = new PostgresStore({ url: database.url, applicationName });
      names.set(store, applicationName);
      await store.open();
      return store;
    },
    crash: async (store) => {
      const sql = 'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1';
      await admin.query(sql, [names.get(store)]);
    },
    usurp: async (laneId) => {
      await admin.query('UPDATE counterstep.lane SET epoch = epoch + 1 WHERE id = $1', [laneId]);
    },
    // Each row knows the transaction that wrote it.
    transactions: async () => {
      const sql = 'SELECT count(DISTINCT xmin::text)::int AS transactions FROM counterstep.history';
      const { rows } = await admin.query<{ transactions: number }>(sql);
      return rows[0]?.transactions ?? 0;
    },
    close: async () => {
      await admin.end();
      await database.drop();
    },
  };
});
