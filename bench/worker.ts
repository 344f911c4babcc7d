import { KafkaBus } from '@counterstep/bus';
import { createWorker } from '@counterstep/worker';
import pg from 'pg';
import { countKafkaRequests } from './children/kafka-requests.js';
import { loggerSince } from './children/logger.js';
import { serve } from './children/serve.js';
import { readConfig } from './config.js';
import { workloadNamed } from './workloads/workloads.js';

/** The measured worker. Its barrier's table lies in the orchestrator's database: one server, one WAL. */
const config = readConfig();
const kafkaRequests = countKafkaRequests();
let isReady = false;
const logger = loggerSince(() => isReady);
const bus = new KafkaBus({ brokers: config.KAFKA_BROKERS.split(','), clientId: 'bench-worker', logger });
const database = new pg.Pool({ connectionString: config.DATABASE_URL, max: 12 });
const worker = createWorker({
  bus,
  database,
  topicPrefix: config.TOPIC_PREFIX,
  concurrency: config.CONCURRENCY,
  handlers: workloadNamed(config.WORKLOAD).handlers(config.BARRIER),
  logger,
});
await worker.start();
await worker.ready();
isReady = true;

process.on('SIGTERM', () => {
  process.exit(0);
});
serve({ kafkaRequests });
