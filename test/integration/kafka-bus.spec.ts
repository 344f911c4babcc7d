import { afterAll, beforeAll } from '@jest/globals';
import { KafkaBus, type BusLogger } from '@counterstep/bus';
import { busConformance } from '../../libs/testing/src/bus-conformance.js';
import { startKafka, type KafkaServer } from '../support/kafka.js';

// A broker of its own, which the tests of an outage kill.
let kafka: KafkaServer;

beforeAll(async () => {
  kafka = await startKafka();
}, 120_000);

afterAll(async () => {
  await kafka.close();
}, 30_000);

const quiet: BusLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

busConformance(
  'the Kafka bus',
  () =>
    Promise.resolve({
      bus: () =>
        new KafkaBus({
          brokers: [kafka.brokers],
          clientId: 'conformance',
          logger: quiet,
          sessionTimeoutMs: 6_000,
          heartbeatMs: 250,
          commitMs: 200,
          rebuild: { firstMs: 200, capMs: 2_000 },
        }),
      outage: async () => {
        await kafka.kill();
        return () => kafka.restart();
      },
      close: () => Promise.resolve(),
    }),
  { timeoutMs: 90_000, groupMs: 45_000 },
);
