import { freshDatabase } from '../test/support/postgres.js';
import { buildProcesses } from './build.js';
import type { LoadOrder, LoadResult } from './children/load.js';
import { Measured, cpuSeconds, rssMb } from './processes.js';
import { walPosition, writtenSince } from './servers.js';
import type { Servers } from './servers.js';

/** How the two processes are set up. */
export interface Setup {
  readonly workload: string;
  /** With `memory` the worker is in the orchestrator's process, and there is no Kafka. */
  readonly bus?: 'kafka' | 'memory';
  readonly partitions?: number;
  readonly lanes?: number;
  readonly barrier?: 'transaction' | 'external' | 'none';
  /** Handlers that the worker runs at the same time. */
  readonly concurrency?: number;
  /** The folder that CPU profiles are written to; none are made without. */
  readonly profiles?: string;
}

/** What was used between two moments. */
export interface Usage {
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly rssMb: Readonly<Record<string, number>>;
  readonly walBytes: number;
  readonly commits?: number;
  readonly kafkaRequests: number;
}

/** An orchestrator and a worker as processes of their own, on a database and topics of their own. */
export class Fleet {
  readonly settings: Readonly<Record<string, string | number>>;
  orchestrator: Measured;
  worker: Measured;

  private constructor(
    readonly servers: Servers,
    readonly databaseUrl: string,
    readonly topicPrefix: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly folder: string,
    private readonly profiles: string | undefined,
    private readonly dropOwn: () => Promise<void>,
  ) {
    const { WORKLOAD: _, DATABASE_URL: __, KAFKA_BROKERS: ___, TOPIC_PREFIX: ____, ...settings } = env;
    this.settings = {
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name.toLowerCase(), value])),
      payloadBytes: 256,
    };
    this.orchestrator = this.process('orchestrator');
    // Begins when the orchestrator has made the topics; in one process there is no other.
    this.worker = this.orchestrator;
  }

  /** Runs `use` with a fleet, of which nothing is left afterwards. */
  static async with<T>(
    servers: Servers,
    setup: Setup,
    use: (fleet: Fleet) => Promise<T>,
    databaseUrl?: string,
  ): Promise<T> {
    const fleet = await Fleet.start(servers, setup, databaseUrl);
    try {
      return await use(fleet);
    } finally {
      await fleet.stop();
    }
  }

  /** On a database of its own unless one is given. */
  static async start(servers: Servers, setup: Setup, databaseUrl?: string): Promise<Fleet> {
    const { workload, bus = 'kafka', partitions = 4, lanes = 1 } = setup;
    const { barrier = 'transaction', concurrency = 10, profiles } = setup;
    const folder = await buildProcesses();
    const own = databaseUrl === undefined ? await freshDatabase(servers.postgres.url) : undefined;
    const url = databaseUrl ?? own?.url ?? '';
    const prefix = `bench-${workload.toLowerCase()}-${Date.now()}`;
    const env = {
      DATABASE_URL: url,
      KAFKA_BROKERS: servers.kafka.brokers,
      TOPIC_PREFIX: prefix,
      WORKLOAD: workload,
      BUS: bus,
      PARTITIONS: String(partitions),
      LANES: String(lanes),
      BARRIER: barrier,
      CONCURRENCY: String(concurrency),
    };
    const fleet = new Fleet(servers, url, prefix, env, folder, profiles, async () => own?.drop());
    try {
      await fleet.orchestrator.ready();
      if (!fleet.isInProcess) {
        fleet.worker = fleet.process('worker');
        await fleet.worker.ready();
      }
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Ends the processes, and drops the database if it is the fleet's own. */
  async stop(): Promise<void> {
    await Promise.all(this.processes().map((each) => each.end()));
    await this.dropOwn();
  }

  /** One process runs all. */
  get isInProcess(): boolean {
    return this.env['BUS'] === 'memory';
  }

  async load(order: LoadOrder): Promise<LoadResult> {
    return (await this.orchestrator.ask('load', order)) as LoadResult;
  }

  /** Runs `task`, and tells what all processes used meanwhile. */
  async measure<T>(task: () => Promise<T>): Promise<{ result: T; usage: Usage }> {
    const [position, requests, cpu] = [await walPosition(this.servers), await this.requests(), this.cpu()];
    const result = await task();
    const after = this.cpu();
    const used = Object.entries(after).map(([name, seconds]) => [name, round(seconds - (cpu[name] ?? 0))]);
    const usage = {
      cpuSeconds: Object.fromEntries(used) as Record<string, number>,
      rssMb: this.each(rssMb),
      ...(await writtenSince(this.servers, position)),
      kafkaRequests: (await this.requests()) - requests,
    };
    return { result, usage };
  }

  /** Starts it again, after it was killed; resolves at once. */
  restart(which: 'orchestrator' | 'worker'): void {
    this[which] = this.process(which);
  }

  cpu(): Record<string, number> {
    return this.each(cpuSeconds);
  }

  private process(name: 'orchestrator' | 'worker'): Measured {
    return new Measured(this.folder, `${name}.js`, this.env, this.profiles);
  }

  private each(figure: (pid: number) => number): Record<string, number> {
    const pids = {
      orchestrator: this.orchestrator.pid,
      ...(!this.isInProcess && { worker: this.worker.pid, kafka: this.servers.kafka.pid }),
      postgres: this.servers.postgres.pid,
    };
    // A server in a container is not ours to measure.
    return Object.fromEntries(
      Object.entries(pids).flatMap(([name, pid]) => (pid === undefined ? [] : [[name, figure(pid)]])),
    );
  }

  private async requests(): Promise<number> {
    const counts: number[] = [];
    for (const each of this.processes()) counts.push(Number(await each.ask('kafkaRequests')));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  private processes(): Measured[] {
    return [...new Set([this.orchestrator, this.worker])];
  }
}

function round(seconds: number): number {
  return Number(seconds.toFixed(2));
}
