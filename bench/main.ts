import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startKafka } from '../test/support/kafka.js';
import { freshDatabase, startPostgres } from '../test/support/postgres.js';
import { Measured, cpuSeconds } from './processes.js';
import { STEPS } from './workflow.js';

/**
 * `npm run bench`: three remote no-op steps per saga over a real Kafka and a real Postgres (fsync on, acks of all), an orchestrator
 * and a worker as processes of their own. Prints a table and keeps the raw figures in bench/results.
 */
const RUNS = [
  { inFlight: 1, sagas: 200 },
  { inFlight: 64, sagas: 4_000 },
  { inFlight: 1_000, sagas: 10_000 },
];
/** `npm run bench -- 64:2000 …` measures these instead: sagas in flight, and how many in all. */
const asked = process.argv.slice(2).map((run) => {
  const [inFlight = 1, sagas = 1_000] = run.split(':').map(Number);
  return { inFlight, sagas };
});

const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
const results = [];
try {
  for (const { inFlight, sagas } of asked.length > 0 ? asked : RUNS)
    results.push(await measure(inFlight, sagas));
} finally {
  await Promise.all([kafka.close(), postgres.close()]);
}
const machine = { cores: cpus().length, gib: Math.round(totalmem() / 2 ** 30), node: process.version };
const folder = fileURLToPath(new URL('results', import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(
  `${folder}/latest.json`,
  JSON.stringify({ at: new Date().toISOString(), machine, results }, undefined, 2),
);
console.log(
  `${machine.cores} cores, ${machine.gib} GiB, Node ${machine.node}; CPU in seconds per 1,000 sagas`,
);
console.table(results);

async function measure(inFlight: number, sagas: number): Promise<Record<string, number>> {
  const database = await freshDatabase(postgres.url);
  const env = {
    DATABASE_URL: database.url,
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_PREFIX: `bench-${inFlight}-${Date.now()}`,
    IN_FLIGHT: String(inFlight),
    SAGAS: String(sagas),
    WARM_UP: String(Math.min(sagas, 500)),
  };
  const orchestrator = new Measured('orchestrator.ts', env);
  await orchestrator.line();
  const worker = new Measured('worker.ts', env);
  try {
    await worker.line();
    await orchestrator.line();
    const processes = {
      orchestrator: orchestrator.pid,
      worker: worker.pid,
      kafka: kafka.pid,
      postgres: postgres.pid,
    };
    const before = cpuOf(processes);
    orchestrator.child.stdin?.write('go\n');
    const { seconds, latencies } = JSON.parse(await orchestrator.line()) as {
      seconds: number;
      latencies: { p50: number; p99: number };
    };
    const cpu = Object.fromEntries(
      Object.entries(cpuOf(processes)).map(([name, used]) => [
        `cpu ${name}`,
        Number((((used - (before[name] ?? 0)) / sagas) * 1_000).toFixed(2)),
      ]),
    );
    return {
      'in flight': inFlight,
      'sagas/s': Math.round(sagas / seconds),
      'steps/s': Math.round((sagas * STEPS) / seconds),
      'saga p50 ms': latencies.p50,
      'saga p99 ms': latencies.p99,
      ...(await stepLatencies(database.url)),
      ...cpu,
      'cpu total': Number(
        Object.values(cpu)
          .reduce((sum, each) => sum + each, 0)
          .toFixed(2),
      ),
    };
  } finally {
    await orchestrator.end();
    await worker.end();
    await database.drop();
  }
}

/** From the decision that sends a command to the one that takes its reply, by the records' times. */
async function stepLatencies(url: string): Promise<Record<string, number>> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ p50: number; p99: number }>(
      `with step as (
         select at - lag(at) over (partition by saga_id order by seq) as ms
           from counterstep.history)
       select percentile_cont(0.5) within group (order by ms) as p50,
              percentile_cont(0.99) within group (order by ms) as p99
         from step where ms is not null`,
    );
    const [row] = rows;
    return {
      'step p50 ms': Number((row?.p50 ?? 0).toFixed(1)),
      'step p99 ms': Number((row?.p99 ?? 0).toFixed(1)),
    };
  } finally {
    await client.end();
  }
}

function cpuOf(processes: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid)]));
}
