import { KafkaBus, MemoryBus } from '@counterstep/bus';
import type { Bus, BusLogger } from '@counterstep/bus';
import { createWorker } from '@counterstep/worker';
import type { Worker } from '@counterstep/worker';
import pg from 'pg';
import type { BenchConfig } from '../config.js';
import { workloadNamed } from '../workloads/workloads.js';

export function busOf(config: BenchConfig, clientId: string, logger: BusLogger): Bus {
  if (config.BUS === 'memory') return new MemoryBus({}, logger);
  return new KafkaBus({ brokers: config.KAFKA_BROKERS.split(','), clientId, logger });
}

/** The measured worker. Its barrier's table lies in the orchestrator's database: one server, one WAL. */
export function workerOf(config: BenchConfig, bus: Bus, logger: BusLogger): Worker {
  return createWorker({
    bus,
    database: new pg.Pool({ connectionString: config.DATABASE_URL, max: 12 }),
    topicPrefix: config.TOPIC_PREFIX,
    concurrency: config.CONCURRENCY,
    handlers: workloadNamed(config.WORKLOAD).handlers(config.BARRIER),
    logger,
  });
}
