import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { KafkaBus } from '@counterstep/bus';
import type { SagaStatus } from '@counterstep/core';
import { Orchestrator, PersonNeededError, runInProcess } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import {
  compensationHandler,
  createWorker,
  stepHandler,
  type Handler,
  type Worker,
} from '@counterstep/worker';
import { kafkaBrokers } from '../../support/kafka.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { waitFor } from '../../support/wait-for.js';
import type { Outcome } from './compare.js';
import type { Outside, Play, Scenario } from './scenario.js';

/** The scenario by `runInProcess`. */
export async function inProcess({ workflow, input, play }: Scenario): Promise<Outcome> {
  const { handlers, meanwhile, decide } = play();
  const onAttention = decide && { onAttention: decide };
  const saga = runInProcess(workflow, handlers, input, { graceMs: 50, ...onAttention });
  try {
    const [{ status, history }] = await Promise.all([saga, meanwhile?.(saga)]);
    return { status, history };
  } catch (error) {
    if (error instanceof PersonNeededError) return error;
    throw error;
  }
}

/** The same by an orchestrator on Postgres, over Kafka, and a worker with its barrier on Postgres. */
export class Distributed {
  private constructor(
    private readonly database: FreshDatabase,
    private readonly pool: pg.Pool,
    private readonly buses: readonly KafkaBus[],
    private readonly orchestrator: Orchestrator,
    private readonly worker: Worker,
    private readonly plays: ReadonlyMap<Scenario, Play>,
  ) {}

  static async open(scenarios: readonly Scenario[]): Promise<Distributed> {
    const database = await freshDatabase();
    await migrate(database.url);
    const pool = new pg.Pool({ connectionString: database.url });
    pool.on('error', () => undefined);
    const bus = (clientId: string) => new KafkaBus({ brokers: kafkaBrokers().split(','), clientId });
    const buses = [bus('parity-orchestrator'), bus('parity-worker')] as const;
    const topicPrefix = `parity-${randomBytes(4).toString('hex')}`;
    const plays = new Map(scenarios.map((scenario) => [scenario, scenario.play()]));
    const orchestrator = new Orchestrator({
      workflows: scenarios.map(({ workflow }) => workflow),
      eventBus: buses[0],
      stateStore: new PostgresStore({ url: database.url }),
      topicPrefix,
      partitions: 1,
    });
    const worker = createWorker({
      bus: buses[1],
      database: pool,
      topicPrefix,
      handlers: [...plays].flatMap(([scenario, { handlers }]) => handlersOf(scenario, handlers)),
      // Handlers that never end hold their slot.
      concurrency: 50,
      drainMs: 100,
      graceMs: 100,
    });
    await orchestrator.start();
    await worker.start();
    await worker.ready();
    await waitFor(() => orchestrator.health().ready, {
      what: 'the orchestrator is ready',
      timeoutMs: 30_000,
    });
    return new Distributed(database, pool, buses, orchestrator, worker, plays);
  }

  async run(scenario: Scenario): Promise<Outcome> {
    const { orchestrator } = this;
    const sagaId = await orchestrator.executeWorkflow(scenario.workflow.name, scenario.input);
    const saga: Outside = {
      status: () => orchestrator.getStatus(sagaId),
      signal: (name, signal) => orchestrator.signal(sagaId, name, signal),
      cancel: async (by) => {
        await orchestrator.cancelWorkflow(sagaId, by);
      },
      intervene: (decision) => orchestrator.intervene(sagaId, decision),
    };
    const { meanwhile, decide } = this.plays.get(scenario) ?? {};
    const reaches = async (end: Scenario['ends']): Promise<SagaStatus> =>
      waitFor(
        async () => {
          const seen = await saga.status();
          return (seen.state === end || seen.phase === end) && seen;
        },
        { what: `${scenario.title}: it is ${end}` },
      );
    await meanwhile?.(saga);
    if (decide) {
      await reaches('attention');
      await decide(saga);
    }
    const status = await reaches(scenario.ends);
    return { status, history: await orchestrator.getHistory(sagaId) };
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.orchestrator.stop();
    await Promise.all(this.buses.map((bus) => bus.close({ drainMs: 0 })));
    await this.pool.end();
    await this.database.drop();
  }
}

/** The functions of the scenario as a worker takes them. */
function handlersOf({ workflow, barrier }: Scenario, handlers: Play['handlers']): Handler[] {
  const made = new Map<string, Handler>();
  for (const { worker, compensation } of workflow.allSteps()) {
    const [action, undo] = [handlers[worker], handlers[compensation ?? '']];
    if (action) made.set(worker, stepHandler(worker, { barrier }, action));
    if (compensation !== undefined && undo)
      made.set(compensation, compensationHandler(compensation, { barrier }, undo));
  }
  return [...made.values()];
}
