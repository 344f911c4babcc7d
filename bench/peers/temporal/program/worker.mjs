import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { until } from './closed-loop.mjs';

const namespace = process.env.NAMESPACE;
const step = async (payload) => payload.text.length;
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await until(() => NativeConnection.connect({ address: process.env.ADDRESS }));
await until(() => registered(connection.workflowService));
const worker = await until(() =>
  Worker.create({
    connection,
    namespace,
    taskQueue: 'saga',
    workflowsPath: fileURLToPath(new URL('./workflows.mjs', import.meta.url)),
    activities: { one: step, two: step, three: step },
    ...JSON.parse(process.env.WORKER_OPTIONS),
  }),
);
process.on('SIGTERM', () => worker.shutdown());
console.log('ready');
await worker.run();
await connection.close();

/** The server learns of a new namespace some seconds after it was registered. */
async function registered(service) {
  const workflowExecutionRetentionPeriod = { seconds: 86_400 };
  await service.registerNamespace({ namespace, workflowExecutionRetentionPeriod }).catch(() => undefined);
  await service.describeNamespace({ namespace });
}
