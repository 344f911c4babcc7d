import { KafkaBus } from '@counterstep/bus';
import { pinoLogger, serveHealth } from '@counterstep/worker';
import { pino } from 'pino';
import { loadConfig } from './config.js';
import { startShippingWorker } from './start-worker.js';

const config = loadConfig();
const logger = pinoLogger(pino({ name: 'shipping-worker', level: config.LOG_LEVEL }));
const bus = new KafkaBus({ brokers: config.KAFKA_BROKERS, clientId: 'shipping-worker', logger });
const stopping = new AbortController();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info('stopping', { signal });
    stopping.abort();
  });
}

try {
  const worker = await startShippingWorker({
    bus,
    databaseUrl: config.DATABASE_URL,
    logger,
    topicPrefix: config.TOPIC_PREFIX,
    concurrency: config.CONCURRENCY,
    signal: stopping.signal,
    slowMs: config.SLOW_MS,
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
