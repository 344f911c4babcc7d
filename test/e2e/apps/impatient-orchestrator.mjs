// An orchestrator without an API, which waits for a second, not for minutes, until it holds sagas whose definition nobody has.
import { KafkaBus } from '@counterstep/bus';
import { Orchestrator } from '@counterstep/engine';
import { loadModules } from '@counterstep/orchestrator';
import { PostgresStore } from '@counterstep/store';

const { DATABASE_URL, KAFKA_BROKERS, TOPIC_PREFIX, WORKFLOWS } = process.env;
const logger = { debug() {}, info: console.log, warn: console.log, error: console.log };
const bus = new KafkaBus({ brokers: KAFKA_BROKERS.split(','), clientId: 'impatient', logger });
const orchestrator = new Orchestrator({
  ...(await loadModules(WORKFLOWS.split(','))),
  eventBus: bus,
  stateStore: new PostgresStore({ url: DATABASE_URL, logger }),
  topicPrefix: TOPIC_PREFIX,
  logger,
  sweepInterval: 200,
  unknownDefinitionAfter: 1_000,
});
await orchestrator.start();
process.on('SIGTERM', () => {
  void orchestrator
    .stop()
    .then(() => bus.close())
    .then(() => process.exit(0));
});
