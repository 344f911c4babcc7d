import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { Bus } from '@counterstep/bus';
import {
  WorkerServer,
  openDataSource,
  workerTransport,
  type WorkerHealth,
  type WorkerLogger,
} from '@counterstep/worker';
import { DataSource } from 'typeorm';
import { CreateInventory1700000000000 } from './migrations/create-inventory.js';
import { InventoryModule } from './inventory.module.js';
import { Stock } from './stock.entity.js';
import { Reservation } from './reservation.entity.js';
import { Release } from './release.entity.js';

/** Every table of this service, its barrier among them, lives in this schema. */
const SCHEMA = 'inventory';

export interface InventoryWorkerOptions {
  readonly bus: Bus;
  readonly databaseUrl: string;
  readonly logger: WorkerLogger;
  readonly topicPrefix?: string;
  /** Commands that run at the same time; default 10. */
  readonly concurrency?: number;
  /** Ends the waiting for a database that is away; the promise then rejects. */
  readonly signal?: AbortSignal;
  /** Pieces of a sku that nobody has stocked yet; default 1,000,000. */
  readonly initialStock?: number;
}

export interface StartedInventoryWorker {
  health(): WorkerHealth;
  /** Drains, and closes the database. The bus stays open. */
  stop(): Promise<void>;
}

/** Migrates the database, waiting for it if it is away, and serves the queue `inventory`. */
export async function startInventoryWorker(options: InventoryWorkerOptions): Promise<StartedInventoryWorker> {
  const { bus, databaseUrl, logger, signal, topicPrefix = 'counterstep', concurrency = 10 } = options;
  const database = await openDataSource(
    () =>
      new DataSource({
        type: 'postgres',
        url: databaseUrl,
        schema: SCHEMA,
        applicationName: 'inventory-worker',
        // One connection for each command that runs, and two for what is beside.
        poolSize: concurrency + 2,
        entities: [Stock, Reservation, Release],
        migrations: [CreateInventory1700000000000],
      }),
    { schema: SCHEMA, logger, ...(signal && { signal }) },
  );
  const worker = {
    bus,
    database,
    schema: SCHEMA,
    topicPrefix,
    concurrency,
    logger,
    source: 'inventory-worker',
  };
  const app = await NestFactory.createMicroservice(
    InventoryModule.with(worker, { initialStock: options.initialStock ?? 1_000_000 }),
    {
      ...workerTransport(),
      logger: false,
      abortOnError: false,
    },
  );
  await app.listen();
  return {
    health: () => app.get(WorkerServer).health(),
    stop: async () => {
      await app.close();
      await database.destroy();
    },
  };
}
