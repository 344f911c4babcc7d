import { cpSync } from 'node:fs';
import type { Figures, Load, Peer } from './peer.js';
import { cacheOf } from './install.js';
import { warmUp } from '../warm-up.js';
import type { Stack } from './stack.js';

const STEPS = 3;

/** What the spike prints: its figures are for each step, not for each saga. */
interface Printed {
  readonly sagas_s: number;
  readonly p50: number;
  readonly p99: number;
  readonly commits_per_step: number;
  readonly wal_per_step: number;
  readonly cpu_us_per_step: Readonly<Record<string, number>>;
}

/**
 * The hot path with none of the product's semantics. It is kept outside the project: a row when SPIKE_DIR names its
 * folder, nothing otherwise.
 */
export function spike(): Peer[] {
  const source = process.env['SPIKE_DIR'];
  if (source === undefined) return [];
  return [
    {
      name: 'spike',
      version: 'not versioned',
      class: 'remote steps',
      durability:
        'Postgres: fsync on, synchronous_commit on; Kafka: acks all, one broker; barrier in Postgres',
      settings: { partitions: 4, lanes: '1, and 2 over 1,000 in flight', node: process.version },
      notes: [
        'its servers are warmed up, its own processes begin anew with each load; p999, max and memory it does not tell: 0 stands for them',
      ],
      loads: [
        { inFlight: 1, sagas: 1_000 },
        { inFlight: 64, sagas: 25_000 },
        { inFlight: 4_000, sagas: 60_000 },
      ],
      async setUp() {
        // A copy inside the checkout finds the project's kafkajs and pg.
        cpSync(source, cacheOf('spike'), { recursive: true });
        return undefined;
      },
      async start(stack) {
        const { kafka, postgres } = await stack.servers();
        const env = {
          DATABASE_URL: postgres.url,
          KAFKA_BROKERS: kafka.brokers,
          KAFKA_PID: String(kafka.pid ?? 0),
        };
        return async (load) => {
          await warmUp(load, (part) => measure(stack, env, part));
          return measure(stack, env, load);
        };
      },
    },
  ];
}

async function measure(stack: Stack, servers: Record<string, string>, load: Load): Promise<Figures> {
  const { inFlight, sagas } = load;
  const program = stack.program('spike', process.execPath, ['orchestrator.mjs'], {
    cwd: cacheOf('spike'),
    env: { ...servers, C: String(inFlight), L: inFlight > 1_000 ? '2' : '1', N: String(sagas) },
    lines: true,
  });
  const printed = JSON.parse(await program.line(180)) as Printed;
  await program.line(30);
  // It ends its worker before it ends itself.
  await program.gone();
  const steps = sagas * STEPS;
  return {
    // It prints only when all have completed.
    completed: sagas,
    seconds: sagas / printed.sagas_s,
    sagaMs: { p50: printed.p50, p99: printed.p99, p999: 0, max: 0 },
    cpuSeconds: Object.fromEntries(
      Object.entries(printed.cpu_us_per_step).map(([name, us]) => [name, (us * steps) / 1e6]),
    ),
    rssMb: {},
    walBytes: printed.wal_per_step * steps,
    commits: Math.round(printed.commits_per_step * steps),
  };
}
