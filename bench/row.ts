import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Our own name among the systems. */
export const SYSTEM = 'Counterstep';

/** Which measurement a row is of: what tells it from the others of its run. */
export interface RowKey {
  readonly system: string;
  /** `W1` and so on. */
  readonly workload: string;
  /** Which of the workload's measurements, where `inFlight` does not tell. */
  readonly variant?: string;
  /** Of a closed loop: sagas that are under way at any time. */
  readonly inFlight?: number;
  /** From 1. */
  readonly repeat: number;
}

/** One measured result. Every system and every workload writes the same shape, raw, to bench/results/<run id>/<name>.json. */
export interface Row extends RowKey {
  readonly version: string;
  readonly class: 'remote steps' | 'in-process steps';
  /** When it ended, ISO 8601. */
  readonly at: string;
  /** Of an open loop: sagas per second. */
  readonly rate?: number;
  /** Of an open loop: how late its starts were made. */
  readonly lateMs?: Pick<Quantiles, 'p50' | 'p99'>;
  /** Started in the measured part. */
  readonly sagas: number;
  /** Those of them that ended as they should. */
  readonly completed: number;
  readonly seconds: number;
  /** Completed, not started. */
  readonly sagasPerSecond: number;
  /** Commands and their replies, for each saga. */
  readonly stepsPerSaga?: number;
  readonly sagaMs: Quantiles;
  readonly stepMs?: Quantiles;
  /** By process, during the measured part only. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** By process, the most it ever had; of Postgres, what all its processes had at the end. */
  readonly rssMb: Readonly<Record<string, number>>;
  /** One line: fsync, synchronous_commit, acks. */
  readonly durability: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly notes?: readonly string[];
  readonly walBytes?: number;
  readonly commits?: number;
  /** Sent to the broker by the orchestrator and the worker. */
  readonly kafkaRequests?: number;
  /** Of the orchestrator. */
  readonly eventLoopDelayMs?: Quantiles;
  /** What only this workload has. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The nearest-rank quantiles of `values`, which need not be sorted. All are 0 when there are none. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number =>
    Number((sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

const RESULTS = fileURLToPath(new URL('results', import.meta.url));

/** The name of a new run: its time, as a folder can be named. */
export function newRunId(now = new Date()): string {
  return now
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
}

/** The folder of a run. */
export function folderOf(run: string, results = RESULTS): string {
  return `${results}/${run}`;
}

/** Every run that has results, the oldest first. */
export function runs(results = RESULTS): string[] {
  if (!existsSync(results)) return [];
  const folders = readdirSync(results, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => name).sort();
}

/** The file of a row, without its folder. */
export function fileOf({ system, workload, variant, inFlight, repeat }: RowKey): string {
  const parts = [system, workload, variant, inFlight === undefined ? undefined : `${inFlight}-in-flight`];
  const name = parts.filter((part) => part !== undefined).join('-');
  return `${`${name}-${repeat}`.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-')}.json`;
}

/** Whether it was measured in this run. */
export function hasRow(run: string, key: RowKey, results = RESULTS): boolean {
  return existsSync(`${folderOf(run, results)}/${fileOf(key)}`);
}

export function writeRow(run: string, row: Row, results = RESULTS): void {
  writeFact(run, fileOf(row), row, results);
}

/** Every row of a run, in the order of their files' names. */
export function readRows(run: string, results = RESULTS): Row[] {
  return readFacts(run, results)
    .map(({ fact }) => fact)
    .filter((fact): fact is Row => typeof fact === 'object' && fact !== null && 'workload' in fact);
}

/** Keeps something else that belongs to a run, such as its machine. */
export function writeFact(run: string, file: string, fact: unknown, results = RESULTS): void {
  mkdirSync(folderOf(run, results), { recursive: true });
  writeFileSync(`${folderOf(run, results)}/${file}`, `${JSON.stringify(fact, undefined, 2)}\n`);
}

export function readFacts(run: string, results = RESULTS): { file: string; fact: unknown }[] {
  const folder = folderOf(run, results);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files
    .sort()
    .map((file) => ({ file, fact: JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as unknown }));
}
