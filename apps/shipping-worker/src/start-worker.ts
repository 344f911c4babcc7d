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
import { CreateShipping1700000000000 } from './migrations/create-shipping.js';
import { ShippingModule } from './shipping.module.js';
import { Shipment } from './shipment.entity.js';
import { Cancellation } from './cancellation.entity.js';

/** Every table of this service, its barrier among them, lives in this schema. */
const SCHEMA = 'shipping';

export interface ShippingWorkerOptions {
  readonly bus: Bus;
  readonly databaseUrl: string;
  readonly logger: WorkerLogger;
  readonly topicPrefix?: string;
  /** Commands that run at the same time; default 10. */
  readonly concurrency?: number;
  /** Ends the waiting for a database that is away; the promise then rejects. */
  readonly signal?: AbortSignal;
  /** Milliseconds that a delivery to the address `slow` takes; default 2,000. */
  readonly slowMs?: number;
}

export interface StartedShippingWorker {
  health(): WorkerHealth;
  /** Drains, and closes the database. The bus stays open. */
  stop(): Promise<void>;
}

/** Migrates the database, waiting for it if it is away, and serves the queue `shipping`. */
export async function startShippingWorker(options: ShippingWorkerOptions): Promise<StartedShippingWorker> {
  const { bus, databaseUrl, logger, signal, topicPrefix = 'counterstep', concurrency = 10 } = options;
  const database = await openDataSource(
    () =>
      new DataSource({
        type: 'postgres',
        url: databaseUrl,
        schema: SCHEMA,
        applicationName: 'shipping-worker',
        // One connection for each command that runs, and two for what is beside.
        poolSize: concurrency + 2,
        entities: [Shipment, Cancellation],
        migrations: [CreateShipping1700000000000],
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
    source: 'shipping-worker',
  };
  const app = await NestFactory.createMicroservice(
    ShippingModule.with(worker, { slowMs: options.slowMs ?? 2_000 }),
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
