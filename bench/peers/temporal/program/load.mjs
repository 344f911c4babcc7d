import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { PAYLOAD, serveLoads, until } from './closed-loop.mjs';

const connection = await Connection.connect({ address: process.env.ADDRESS });
const client = new Client({ connection, namespace: process.env.NAMESPACE });
const saga = () =>
  client.workflow.execute('saga', { taskQueue: 'saga', workflowId: randomUUID(), args: [PAYLOAD] });
await until(saga);
serveLoads(saga);
