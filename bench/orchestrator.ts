import type { OutgoingMessage } from '@counterstep/bus';
import { Orchestrator } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { topicsOf } from '@counterstep/protocol';
import type { SagaState } from '@counterstep/protocol';
import { countKafkaRequests } from './children/kafka-requests.js';
import { Load } from './children/load.js';
import type { LoadOrder } from './children/load.js';
import { loggerSince } from './children/logger.js';
import { observed } from './children/observed-bus.js';
import { busOf, workerOf } from './children/parts.js';
import { serve } from './children/serve.js';
import { readConfig } from './config.js';
import { PAYLOAD } from './workloads/workload.js';
import { workloadNamed } from './workloads/workloads.js';

/**
 * The measured orchestrator, and with it the load: it starts sagas, and sees that they ended, which then is committed, when
 * their public events are published.
 */
const config = readConfig();
const kafkaRequests = countKafkaRequests();
const { workflow, together } = workloadNamed(config.WORKLOAD);
const topics = topicsOf(config.TOPIC_PREFIX);
const STATE = /"state":"(\w+)"/;
const FAILED = Buffer.from('"outcome":"failed"');
let isReady = false;
const logger = loggerSince(() => isReady);
const bus = busOf(config, 'bench-orchestrator', logger);
const load = new Load(() => orchestrator.executeWorkflow(workflow.name, PAYLOAD), together);

await migrate(config.DATABASE_URL);
const orchestrator = new Orchestrator({
  workflow,
  eventBus: observed(bus, {
    incoming: {
      topic: topics.replies,
      see: ({ key, value }) => {
        if (key !== null && !isFailure(value)) load.settled(key);
      },
    },
    outgoing: { topic: topics.events, see: ended },
  }),
  stateStore: new PostgresStore({ url: config.DATABASE_URL }),
  topicPrefix: config.TOPIC_PREFIX,
  partitions: config.PARTITIONS,
  lanes: config.LANES,
  logger,
});
await orchestrator.start();
while (!orchestrator.health().ready) await new Promise((resolve) => setTimeout(resolve, 20));
if (config.BUS === 'memory') {
  // A bus within the process can only have its worker there too.
  const worker = workerOf(config, bus, logger);
  await worker.start();
  await worker.ready();
}
isReady = true;

process.on('SIGTERM', () => {
  void orchestrator.stop().then(() => bus.close().then(() => process.exit(0)));
});
serve({
  load: (order: LoadOrder) => load.run(order),
  kafkaRequests,
});

// Messages are not parsed as a whole: the load's work counts as the orchestrator's.

function ended({ key, value }: OutgoingMessage): void {
  const state = STATE.exec(bytesOf(value).toString('latin1'))?.[1] as SagaState;
  if (state !== 'running') load.finished(key, state);
}

function isFailure(value: Uint8Array | null): boolean {
  return value !== null && bytesOf(value).includes(FAILED);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
