import { KafkaBus } from '@counterstep/bus';
import { PostgresStore, migrate } from '@counterstep/store';
import { loadServerConfig } from './config.js';
import { loadModules } from './definitions/load-modules.js';
import { endOnSignals } from './end-on-signals.js';
import { createLogger } from './logging/logger.js';
import { startApp } from './start-app.js';
import { demoWorkflows } from './demo-workflows.js';

try {
  const config = loadServerConfig();
  const definitions = config.WORKFLOWS ? await loadModules(config.WORKFLOWS) : { workflows: demoWorkflows };
  const logger = createLogger({ name: 'orchestrator', level: config.LOG_LEVEL });
  const url = config.DATABASE_URL;
  const bus = new KafkaBus({ brokers: config.KAFKA_BROKERS, clientId: 'orchestrator', logger });
  const app = await startApp({
    ...definitions,
    bus,
    store: new PostgresStore({ url, logger }),
    migrate: () => migrate(url),
    logger,
    port: config.PORT,
    host: config.HOST,
    bodyLimitBytes: config.BODY_LIMIT_BYTES,
    topicPrefix: config.TOPIC_PREFIX,
    partitions: config.PARTITIONS,
    lanes: config.LANES,
    maxBacklog: config.MAX_BACKLOG,
  });
  logger.info('listening', { url: app.url });
  let isStopping = false;
  endOnSignals(logger, async () => {
    isStopping = true;
    await app.stop();
    await bus.close();
  });
  await app.opened.catch((error: unknown) => {
    if (!isStopping) throw error;
  });
} catch (error) {
  // A person reads this, before there may be a log: so it is plain text.
  process.stderr.write(
    `the orchestrator cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}
