import { DBOS } from '@dbos-inc/dbos-sdk';
import { PAYLOAD, serveLoads } from './closed-loop.mjs';

// The workflow, its three steps and the load are one process: DBOS is a library.
const saga = DBOS.registerWorkflow(
  async (payload) => {
    for (const name of ['one', 'two', 'three']) await DBOS.runStep(async () => payload.text.length, { name });
  },
  { name: 'saga' },
);
DBOS.setConfig({
  name: 'counterstep-bench',
  systemDatabaseUrl: process.env.DATABASE_URL,
  systemDatabasePoolSize: Number(process.env.POOL_SIZE),
  logLevel: 'error',
});
await DBOS.launch();
serveLoads(async () => {
  const handle = await DBOS.startWorkflow(saga)(PAYLOAD);
  await handle.getResult();
});
