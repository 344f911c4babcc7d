import { KafkaBus } from '@counterstep/bus';
import { compensationHandler, createWorker, stepHandler } from '@counterstep/worker';
import pg from 'pg';
import { z } from 'zod';
import { readConfig } from './config.js';

const config = readConfig();
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const bus = new KafkaBus({ brokers: config.KAFKA_BROKERS.split(','), clientId: 'bench-worker', logger });
const database = new pg.Pool({ connectionString: config.DATABASE_URL, max: 12 });
const barrier = config.BARRIER;
const any = z.unknown();
const action = (name: string) => stepHandler(name, { input: any, output: any, barrier }, (input) => input);
const worker = createWorker({
  bus,
  database,
  topicPrefix: config.TOPIC_PREFIX,
  concurrency: 10,
  handlers: [
    ...['bench.one', 'bench.two', 'bench.three'].map(action),
    compensationHandler('bench.undo', { barrier }, () => undefined),
  ],
});
await worker.start();
await worker.ready();
console.log('ready');
process.on('SIGTERM', () => {
  process.exit(0);
});
