import type { Row } from '../../../bench/row.js';

/** A row as W1 writes it, with 1,000 sagas of three steps in a second. */
export function aRow(changed: Partial<Row> = {}): Row {
  return {
    system: 'Counterstep',
    version: '0.1.0',
    class: 'remote steps',
    workload: 'W1',
    inFlight: 64,
    repeat: 1,
    at: '2026-01-01T00:00:00Z',
    sagas: 1_000,
    completed: 1_000,
    seconds: 1,
    sagasPerSecond: 1_000,
    stepsPerSaga: 3,
    sagaMs: { p50: 20, p99: 40, p999: 50, max: 60 },
    stepMs: { p50: 5, p99: 10, p999: 15, max: 20 },
    cpuSeconds: { orchestrator: 0.1, worker: 0.1, kafka: 0.05, postgres: 0.05 },
    rssMb: { orchestrator: 150 },
    durability: 'fsync on',
    settings: {},
    walBytes: 3_000_000,
    commits: 30,
    kafkaRequests: 60,
    ...changed,
  };
}
