import { KafkaBus } from '@counterstep/bus';
import { Orchestrator } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { decodeMessage, sagaEventSchema, topicsOf } from '@counterstep/protocol';
import { readConfig } from './config.js';
import { workflow } from './workflow.js';

/** Keeps so many sagas in flight until all are done, and prints one line of JSON. `go` on stdin begins. */
const config = readConfig();
await migrate(config.DATABASE_URL);
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const bus = new KafkaBus({
  brokers: config.KAFKA_BROKERS.split(','),
  clientId: 'bench-orchestrator',
  logger,
});
const orchestrator = new Orchestrator({
  workflow,
  eventBus: bus,
  stateStore: new PostgresStore({ url: config.DATABASE_URL }),
  topicPrefix: config.TOPIC_PREFIX,
  partitions: config.PARTITIONS,
  lanes: config.LANES,
  logger,
});
await orchestrator.start();

const startedAt = new Map<string, number>();
let onFinished: (sagaId: string) => void = () => undefined;
const events = bus.subscribe({
  group: `${config.TOPIC_PREFIX}.bench`,
  topics: [topicsOf(config.TOPIC_PREFIX).events],
  onDeliveries: (deliveries) => {
    for (const { value, ack } of deliveries) {
      const event = decodeMessage(sagaEventSchema, value);
      if (event.ok && event.message.data.state !== 'running') onFinished(event.message.sagaid);
      ack();
    }
  },
});
await events.ready();
while (!orchestrator.health().ready) await new Promise((resolve) => setTimeout(resolve, 50));
console.log(JSON.stringify({ ready: true }));

await run(config.WARM_UP);
console.log(JSON.stringify({ warm: true }));
await new Promise((resolve) => process.stdin.once('data', resolve));
const begin = performance.now();
const latencies = await run(config.SAGAS);
console.log(
  JSON.stringify({ seconds: (performance.now() - begin) / 1_000, latencies: quantiles(latencies) }),
);
process.on('SIGTERM', () => {
  void orchestrator.stop().then(() => bus.close().then(() => process.exit(0)));
});

/** Closed loop: a saga that ends is replaced until `count` have been started. Gives their times in milliseconds. */
async function run(count: number): Promise<number[]> {
  const latencies: number[] = [];
  let begun = 0;
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      if (begun >= count) return;
      begun += 1;
      const at = performance.now();
      orchestrator.executeWorkflow('bench', {}).then((sagaId) => startedAt.set(sagaId, at), reject);
    };
    onFinished = (sagaId) => {
      const at = startedAt.get(sagaId);
      if (at === undefined) return;
      startedAt.delete(sagaId);
      latencies.push(performance.now() - at);
      if (latencies.length === count) resolve();
      else next();
    };
    for (let i = 0; i < Math.min(config.IN_FLIGHT, count); i += 1) next();
  });
  return latencies;
}

function quantiles(values: number[]): Record<string, number> {
  const sorted = values.sort((a, b) => a - b);
  const at = (q: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
