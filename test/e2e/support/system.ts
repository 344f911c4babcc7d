import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { KafkaBus, type Bus, type Delivery } from '@counterstep/bus';
import { silentLogger } from '@counterstep/engine';
import { topicsOf, type Topics } from '@counterstep/protocol';
import pg from 'pg';
import { freePort } from '../../support/free-port.js';
import { kafkaBrokers } from '../../support/kafka.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { waitFor } from '../../support/wait-for.js';
import { AppProcess } from './processes.js';

const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
export const WORKERS = ['inventory', 'payment', 'shipping'] as const;

export interface Status {
  sagaId: string;
  state: string;
  phase: string;
  currentStep: string | null;
  error: string | null;
  cause: { code: string; step?: string } | null;
  stepResults: Record<string, unknown>;
}

/** An orchestrator as its clients see it. */
export class OrchestratorProcess extends AppProcess {
  constructor(
    readonly port: number,
    env: Readonly<Record<string, string>>,
  ) {
    super('apps/orchestrator/dist/main.js', { ...env, PORT: String(port) });
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers = {},
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async ready(): Promise<void> {
    await waitFor(
      async () => {
        if (!this.isRunning)
          throw new Error(`the orchestrator ended with ${this.ending}:\n${this.lines.join('\n')}`);
        return (await this.request('GET', '/health/ready')).status === 200;
      },
      { what: 'the orchestrator is ready', timeoutMs: 60_000, everyMs: 100 },
    );
  }

  async start(workflow: string, input: object, headers = {}): Promise<string> {
    const { status, body } = await this.request('POST', '/api/v1/sagas', { workflow, input }, headers);
    if (status !== 201 && status !== 200)
      throw new Error(`start answered ${status}: ${JSON.stringify(body)}`);
    return (body as { sagaId: string }).sagaId;
  }

  async status(sagaId: string): Promise<Status> {
    return (await this.request('GET', `/api/v1/sagas/${sagaId}`)).body as Status;
  }

  async ended(sagaId: string, timeoutMs = 60_000): Promise<Status> {
    return waitFor(
      async () => {
        const status = await this.status(sagaId);
        return ['completed', 'failed', 'compensated', 'cancelled'].includes(status.state) && status;
      },
      { what: `saga ${sagaId} ends`, timeoutMs, everyMs: 50 },
    );
  }
}

/** Where the servers are: those of this test run, unless a test has its own. */
export interface Servers {
  readonly brokers?: string;
  readonly postgres?: string;
}

/** The whole product on a database and topics of its own, each app a process. */
export class System {
  readonly prefix = `e2e-${randomUUID().slice(0, 8)}`;
  readonly topics: Topics = topicsOf(this.prefix);
  readonly orchestrators: OrchestratorProcess[] = [];
  readonly workers = new Map<string, AppProcess>();
  readonly db: pg.Pool;
  readonly bus: Bus;
  private readonly others: AppProcess[] = [];

  private constructor(
    private readonly database: FreshDatabase,
    private readonly brokers: string,
  ) {
    this.db = new pg.Pool({ connectionString: database.url, max: 3 });
    this.db.on('error', () => undefined);
    this.bus = new KafkaBus({ brokers: brokers.split(','), clientId: 'e2e', logger: silentLogger });
  }

  static async create({ brokers = kafkaBrokers(), postgres }: Servers = {}): Promise<System> {
    return new System(await freshDatabase(postgres), brokers);
  }

  get env(): Record<string, string> {
    return {
      DATABASE_URL: this.database.url,
      KAFKA_BROKERS: this.brokers,
      TOPIC_PREFIX: this.prefix,
      LOG_LEVEL: 'info',
    };
  }

  async startOrchestrator(env: Readonly<Record<string, string>> = {}): Promise<OrchestratorProcess> {
    const orchestrator = new OrchestratorProcess(await freePort(), {
      ...this.env,
      WORKFLOWS,
      ...env,
    });
    this.orchestrators.push(orchestrator);
    return orchestrator;
  }

  startWorker(name: string, env: Readonly<Record<string, string>> = {}): AppProcess {
    const worker = new AppProcess(`apps/${name}-worker/dist/main.js`, { ...this.env, ...env });
    this.workers.set(name, worker);
    return worker;
  }

  startScript(script: string, env: Readonly<Record<string, string>> = {}): AppProcess {
    const app = new AppProcess(script, { ...this.env, ...env });
    this.others.push(app);
    return app;
  }

  /** kill -9 for the script that has this process id. */
  async killScript(pid: number): Promise<void> {
    const script = this.others.find((each) => each.pid === pid);
    if (!script) throw new Error(`no script of ours has the process id ${pid}`);
    await script.end('SIGKILL');
  }

  /** One orchestrator that is ready, and all sample workers. */
  async startAll(): Promise<OrchestratorProcess> {
    const orchestrator = await this.startOrchestrator();
    for (const name of WORKERS) this.startWorker(name);
    await orchestrator.ready();
    return orchestrator;
  }

  /** Everything that is and will be on the topics, as text, in the order of arrival. */
  read(...topics: string[]): { topic: string; text: string }[] {
    const seen: { topic: string; text: string }[] = [];
    this.bus.subscribe({
      group: `reader-${randomUUID()}`,
      topics,
      onDeliveries: (deliveries: readonly Delivery[]) => {
        for (const { topic, value, ack } of deliveries) {
          seen.push({ topic, text: Buffer.from(value ?? []).toString() });
          ack();
        }
      },
    });
    return seen;
  }

  /** What must hold after every test, whatever it did: promise 6, and every lane confirmed to its last record. */
  async checkPromises(): Promise<void> {
    const hanging = await this.db.query(
      'select id from counterstep.saga where due_at is null and not paused and attention is null',
    );
    if (hanging.rows.length > 0) throw new Error(`sagas hang silently: ${JSON.stringify(hanging.rows)}`);
    await waitFor(
      async () => {
        const { rows } = await this.db.query(
          `select l.id, l.confirmed, coalesce(max(h.number), 0) as last
             from counterstep.lane l left join counterstep.history h on h.lane = l.id
            group by l.id, l.confirmed having l.confirmed < coalesce(max(h.number), 0)`,
        );
        return rows.length === 0;
      },
      { what: "every lane's confirmed number reaches its last record", timeoutMs: 20_000 },
    );
  }

  async stop(): Promise<void> {
    const processes = [...this.orchestrators, ...this.workers.values(), ...this.others];
    await Promise.all(processes.map((each) => each.end('SIGTERM')));
    await this.bus.close({ drainMs: 0 });
    await this.db.end();
    await this.database.drop();
  }
}
