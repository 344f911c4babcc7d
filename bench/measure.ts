import type { LoadOrder, LoadResult } from './children/load.js';
import { Fleet } from './fleet.js';
import type { Setup, Usage } from './fleet.js';
import { SYSTEM } from './row.js';
import type { Row, RowKey } from './row.js';
import { startServers } from './servers.js';
import type { Servers } from './servers.js';
import { version } from './version.js';
import { warmedUpBy } from './warm-up.js';
import { workloadNamed } from './workloads/workloads.js';

export { SYSTEM };

/** One load and how it is run up to. */
export interface Measurement {
  readonly key: Omit<RowKey, 'system'>;
  readonly order: LoadOrder;
  /** Sagas that are run before, at the same concurrency. */
  readonly warmUp: number;
  readonly setup?: Omit<Setup, 'workload'>;
  /** An own database is made unless one is given. */
  readonly databaseUrl?: string;
}

/** Runs the load, and gives its row. */
export async function measure(servers: Servers, measurement: Measurement): Promise<Row> {
  const { key, order, warmUp, setup, databaseUrl } = measurement;
  const use = async (fleet: Fleet): Promise<Row> => {
    await fleet.load(warmUpOf(order, warmUp));
    const { result, usage } = await fleet.measure(() => fleet.load(order));
    return rowOf(fleet, key, order, result, usage, { warmUp });
  };
  return Fleet.with(servers, { ...setup, workload: key.workload }, use, databaseUrl);
}

/** One process, no Kafka, and no barrier: the saga's history says which steps ran, as with others of this class. */
export const IN_PROCESS = { bus: 'memory', barrier: 'none' } as const;

/** W1 in a closed loop, on servers of its own unless they are given. */
export async function measureW1(
  {
    inFlight,
    sagas,
    repeat,
    inProcess = false,
  }: { inFlight: number; sagas: number; repeat: number; inProcess?: boolean },
  servers?: Servers,
): Promise<Row> {
  const used = servers ?? (await startServers());
  const warmUp = warmedUpBy({ inFlight, sagas });
  try {
    const key = { workload: 'W1', inFlight, repeat };
    const setup = inProcess ? IN_PROCESS : {};
    return await measure(used, { key, order: { inFlight, sagas }, warmUp, setup });
  } finally {
    if (!servers) await used.close();
  }
}

export function warmUpOf(order: LoadOrder, sagas: number): LoadOrder {
  return order.rate === undefined ? { inFlight: order.inFlight, sagas } : { rate: order.rate, sagas };
}

/** The row of a load that this fleet ran. */
export function rowOf(
  { servers, settings, isInProcess }: Fleet,
  key: Omit<RowKey, 'system'>,
  order: LoadOrder,
  { seconds, ended, sagaMs, stepMs, lateMs, eventLoopDelayMs }: LoadResult,
  usage: Usage,
  more: Readonly<Record<string, number>> = {},
): Row {
  const { endsAs, steps, isSequential } = workloadNamed(key.workload);
  const completed = ended[endsAs] ?? 0;
  const notes = [
    ...(completed < order.sagas ? [`ended otherwise: ${JSON.stringify(ended)}`] : []),
    ...(order.rate === undefined
      ? []
      : [`starts were late by ${lateMs.p50} ms (p50), ${lateMs.p99} ms (p99)`]),
  ];
  return {
    system: SYSTEM,
    version,
    class: isInProcess ? 'in-process steps' : 'remote steps',
    ...key,
    at: new Date().toISOString(),
    ...(order.rate !== undefined && { rate: order.rate }),
    sagas: order.sagas,
    completed,
    seconds: Number(seconds.toFixed(3)),
    sagasPerSecond: Number((completed / seconds).toFixed(1)),
    stepsPerSaga: steps,
    sagaMs,
    ...(isSequential && { stepMs }),
    ...usage,
    eventLoopDelayMs,
    durability: isInProcess ? servers.durability.replace(/; Kafka.*/, '') : servers.durability,
    settings: { ...settings, ...more },
    ...(notes.length > 0 && { notes }),
  };
}
