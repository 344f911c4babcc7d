import { KafkaBus } from '@counterstep/bus';
import { pinoLogger, serveHealth } from '@counterstep/worker';
import { pino } from 'pino';
import { loadConfig } from './config.js';
import { startInventoryWorker } from './start-worker.js';

const config = loadConfig();
const logger = pinoLogger(pino({ name: 'inventory-worker', level: config.LOG_LEVEL }));
const bus = new KafkaBus({ brokers: config.KAFKA_BROKERS, clientId: 'inventory-worker', logger });
const stopping = new AbortController();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info('stopping', { signal });
    stopping.abort();
  });
}

try {
  const worker = await startInventoryWorker({
    bus,
    databaseUrl: config.DATABASE_URL,
    logger,
    topicPrefix: config.TOPIC_PREFIX,
    concurrency: config.CONCURRENCY,
    signal: stopping.signal,
    initialStock: config.INITIAL_STOCK,
  });
  if (config.HEALTH_PORT !== undefined) await serveHealth(config.HEALTH_PORT, () => worker.health());
  if (!stopping.signal.aborted) {
    await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }));
  }
  await worker.stop();
} catch (error) {
  if (!stopping.signal.aborted) {
    logger.error('the worker cannot start', { error: error instanceof Error ? error.stack : String(error) });
    process.exitCode = 1;
  }
}
await bus.close();
