import type { LoadOrder, LoadResult } from './children/load.js';
import { Fleet } from './fleet.js';
import type { Setup, Usage } from './fleet.js';
import { SYSTEM } from './row.js';
import type { Row, RowKey } from './row.js';
import type { Servers } from './servers.js';
import { version } from './version.js';
import { WARM_UP_SECONDS, warmUp } from './warm-up.js';
import { workloadNamed } from './workloads/workloads.js';

export { SYSTEM };

/** One load, on processes of its own. */
export interface Measurement {
  readonly key: Omit<RowKey, 'system'>;
  readonly order: LoadOrder;
  readonly setup?: Omit<Setup, 'workload'>;
  /** An own database is made unless one is given. */
  readonly databaseUrl?: string;
}

/** Runs the load after its warm-up, and gives its row. */
export async function measure(servers: Servers, measurement: Measurement): Promise<Row> {
  const { key, order, setup, databaseUrl } = measurement;
  const use = (fleet: Fleet): Promise<Row> => measureOn(fleet, key, order);
  return Fleet.with(servers, { ...setup, workload: key.workload }, use, databaseUrl);
}

/** The same on processes that are there. */
export async function measureOn(fleet: Fleet, key: Omit<RowKey, 'system'>, order: LoadOrder): Promise<Row> {
  if (order.rate === undefined) await warmUp(order, (part) => fleet.load(part));
  else await fleet.load({ rate: order.rate, sagas: Math.ceil(order.rate * WARM_UP_SECONDS) });
  const { result, usage } = await fleet.measure(() => fleet.load(order));
  return rowOf(fleet, key, order, result, usage);
}

/** One process, no Kafka, and no barrier: the saga's history says which steps ran, as with others of this class. */
export const IN_PROCESS = { bus: 'memory', barrier: 'none' } as const;

/** The row of a load that this fleet ran. */
export function rowOf(
  { servers, settings, isInProcess }: Fleet,
  key: Omit<RowKey, 'system'>,
  order: LoadOrder,
  { seconds, ended, sagaMs, stepMs, lateMs, eventLoopDelayMs }: LoadResult,
  usage: Usage,
): Row {
  const { endsAs, steps } = workloadNamed(key.workload);
  const completed = ended[endsAs] ?? 0;
  const notes = completed < order.sagas ? [`ended otherwise: ${JSON.stringify(ended)}`] : [];
  return {
    system: SYSTEM,
    version,
    class: isInProcess ? 'in-process steps' : 'remote steps',
    ...key,
    at: new Date().toISOString(),
    ...(order.rate !== undefined && { rate: order.rate, lateMs: { p50: lateMs.p50, p99: lateMs.p99 } }),
    sagas: order.sagas,
    completed,
    seconds: Number(seconds.toFixed(3)),
    sagasPerSecond: Number((completed / seconds).toFixed(1)),
    stepsPerSaga: steps,
    sagaMs,
    stepMs,
    ...usage,
    eventLoopDelayMs,
    durability: isInProcess ? servers.durability.replace(/; Kafka.*/, '') : servers.durability,
    settings,
    ...(notes.length > 0 && { notes }),
  };
}
