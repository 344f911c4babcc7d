import { KafkaBus, MemoryBroker, type Bus } from '@counterstep/bus';
import type { Logger } from '@counterstep/engine';
import { startInventoryWorker } from '@counterstep/inventory-worker';
import {
  createLogger,
  demoWorkflows,
  endOnSignals,
  loadConfig,
  loadModules,
  startApp,
  type Config,
} from '@counterstep/orchestrator';
import { startPaymentWorker } from '@counterstep/payment-worker';
import { startShippingWorker } from '@counterstep/shipping-worker';
import { PostgresStore, migrate } from '@counterstep/store';
import { runDemoOrders } from './demo-orders.js';
import { freePortFrom } from './free-port.js';
import { findHome } from './home.js';
import { startPostgres } from './postgres.js';
import { whenReady } from './when-ready.js';
import { welcome } from './welcome.js';

// Whoever reads the output may go away, as in `npm start | head`.
process.stdout.on('error', () => undefined);

const SAMPLE_WORKERS = [
  ['inventory-worker', 'inventory', startInventoryWorker],
  ['payment-worker', 'payments', startPaymentWorker],
  ['shipping-worker', 'shipping', startShippingWorker],
] as const;

/** What was started; it is stopped in the reverse order. */
const stops: (() => Promise<unknown>)[] = [];
const stopping = new AbortController();

async function stopAll(): Promise<void> {
  stopping.abort();
  for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
}

async function start(config: Config): Promise<void> {
  const loggerOf = (name: string): Logger =>
    createLogger({ name, level: config.LOG_LEVEL, pretty: process.stdout.isTTY });
  const logger = loggerOf('launcher');
  const definitions = config.WORKFLOWS ? await loadModules(config.WORKFLOWS) : { workflows: demoWorkflows };
  endOnSignals(logger, stopAll);

  const { databaseUrl, database } = await openDatabase(config, logger);
  const { busOf, bus } = openBus(config, loggerOf);
  const port = await freePortFrom(config.PORT, config.HOST);
  if (port !== config.PORT) logger.warn(`port ${config.PORT} is taken: using ${port}`);

  const app = await startApp({
    ...definitions,
    bus: busOf('orchestrator'),
    store: new PostgresStore({ url: databaseUrl, logger: loggerOf('orchestrator') }),
    migrate: () => migrate(databaseUrl),
    logger: loggerOf('orchestrator'),
    port,
    host: config.HOST,
    bodyLimitBytes: config.BODY_LIMIT_BYTES,
    topicPrefix: config.TOPIC_PREFIX,
    partitions: config.PARTITIONS,
    lanes: config.LANES,
    maxBacklog: config.MAX_BACKLOG,
  });
  stops.push(() => app.stop());
  // A worker whose queue no workflow names would wait for ever for its topic.
  const queues = definitions.workflows.flatMap((workflow) => workflow.allSteps().map(({ queue }) => queue));
  const samples = SAMPLE_WORKERS.filter(([, queue]) => queues.includes(queue));
  const workersStart = samples.map(async ([name, , startWorker]) => {
    const worker = await startWorker({
      bus: busOf(name),
      databaseUrl,
      logger: loggerOf(name),
      topicPrefix: config.TOPIC_PREFIX,
      signal: stopping.signal,
    });
    stops.push(() => worker.stop());
    return worker;
  });
  const [workers] = await Promise.all([Promise.all(workersStart), app.opened]);
  await whenReady(
    [() => app.reasonsNotReady(), ...workers.map((worker) => () => worker.health().reason ?? [])],
    logger,
    stopping.signal,
  );
  const orders = config.WORKFLOWS ? [] : await runDemoOrders(app.orchestrator);
  process.stdout.write(
    welcome({ url: app.url, workers: samples.map(([name]) => name), database, bus, orders }),
  );
}

async function openDatabase(
  config: Config,
  logger: Logger,
): Promise<{ databaseUrl: string; database: string }> {
  if (config.DATABASE_URL)
    return { databaseUrl: config.DATABASE_URL, database: 'the Postgres of DATABASE_URL' };
  const home = await findHome(config.DATA_DIR);
  const postgres = await startPostgres(home, logger);
  stops.push(() => postgres.stop());
  return { databaseUrl: postgres.url, database: `Postgres with its data in ${home.folder}` };
}

function openBus(
  { KAFKA_BROKERS: brokers }: Config,
  loggerOf: (name: string) => Logger,
): { busOf: (clientId: string) => Bus; bus: string } {
  const broker = new MemoryBroker();
  const busOf = (clientId: string): Bus => {
    const bus = brokers ? new KafkaBus({ brokers, clientId, logger: loggerOf(clientId) }) : broker.connect();
    stops.push(() => bus.close());
    return bus;
  };
  return { busOf, bus: brokers ? `Kafka at ${brokers.join(', ')}` : 'a bus in memory' };
}

try {
  await start(loadConfig());
} catch (error) {
  if (!stopping.signal.aborted) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`Counterstep cannot start: ${reason}\n`);
    await stopAll().catch(() => undefined);
    process.exit(1);
  }
}
