import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../fleet.js';
import type { Setup } from '../fleet.js';
import { cpuSeconds, rssMb } from '../processes.js';
import { startDatabase, startServers, walPosition, writtenSince } from '../servers.js';
import type { Database, Servers } from '../servers.js';
import type { Figures } from './peer.js';
import { Program, type ProgramOptions } from './program.js';

/** What processes used while something ran. */
export type Used = Pick<Figures, 'cpuSeconds' | 'rssMb' | 'walBytes' | 'commits'>;

/** All that one system has started: servers and programs. One stack is up at a time; `stop` leaves nothing behind. */
export class Stack {
  /** The Postgres of this system, if it has one. */
  database: Database | undefined;
  private readonly pids = new Map<string, number>();
  private readonly ends: (() => Promise<unknown>)[] = [];

  /** `logs` is a folder that outlives the stack. */
  constructor(private readonly logs: string) {
    mkdirSync(logs, { recursive: true });
  }

  /** An empty Postgres of its own, the same version and settings for every system. Resolves with its URL. */
  async postgres(): Promise<URL> {
    return new URL(this.keep(await startDatabase()).postgres.url);
  }

  /** The same with a Kafka. */
  async servers(): Promise<Servers> {
    const servers = this.keep(await startServers());
    if (servers.kafka.pid !== undefined) this.pids.set('kafka', servers.kafka.pid);
    return servers;
  }

  /** Our own processes, on servers of the stack. */
  async fleet(setup: Setup): Promise<Fleet> {
    const fleet = await Fleet.start(await this.servers(), setup);
    this.ends.push(() => fleet.stop());
    return fleet;
  }

  /** An empty folder that is removed with the stack. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'counterstep-bench-'));
    this.ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** A process that is measured under this name. */
  program(
    name: string,
    command: string,
    args: readonly string[],
    options: Omit<ProgramOptions, 'log'>,
  ): Program {
    const program = new Program(name, command, args, { ...options, log: join(this.logs, `${name}.log`) });
    this.pids.set(name, program.pid);
    this.ends.push(() => program.stop());
    return program;
  }

  /** Runs `task` and tells what all processes used meanwhile. */
  async measure<T>(task: () => Promise<T>): Promise<{ result: T; usage: Used }> {
    const position = this.database && (await walPosition(this.database));
    const before = this.each(cpuSeconds);
    const result = await task();
    const used = Object.entries(this.each(cpuSeconds)).map(([name, seconds]) => [
      name,
      Number((seconds - (before[name] ?? 0)).toFixed(2)),
    ]);
    const written = this.database && position && (await writtenSince(this.database, position));
    const cpu = Object.fromEntries(used) as Record<string, number>;
    return { result, usage: { cpuSeconds: cpu, rssMb: this.each(rssMb), ...written } };
  }

  /** Ends what was started, the last first. Goes on when one does not end, and throws its error then. */
  async stop(): Promise<void> {
    const errors: unknown[] = [];
    for (let end = this.ends.pop(); end; end = this.ends.pop())
      await end().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, 'not everything ended');
  }

  private keep<T extends Database>(database: T): T {
    this.database = database;
    this.ends.push(() => database.close());
    if (database.postgres.pid !== undefined) this.pids.set('postgres', database.postgres.pid);
    return database;
  }

  private each(figure: (pid: number) => number): Record<string, number> {
    return Object.fromEntries([...this.pids].map(([name, pid]) => [name, figure(pid)]));
  }
}
