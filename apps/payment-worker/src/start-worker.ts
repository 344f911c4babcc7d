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
import { CreatePayments1700000000000 } from './migrations/create-payments.js';
import { PaymentModule } from './payment.module.js';
import { Payment } from './payment.entity.js';
import { Refund } from './refund.entity.js';

/** Every table of this service, its barrier among them, lives in this schema. */
const SCHEMA = 'payments';

export interface PaymentWorkerOptions {
  readonly bus: Bus;
  readonly databaseUrl: string;
  readonly logger: WorkerLogger;
  readonly topicPrefix?: string;
  /** Commands that run at the same time; default 10. */
  readonly concurrency?: number;
  /** Ends the waiting for a database that is away; the promise then rejects. */
  readonly signal?: AbortSignal;
  /** A charge above it is declined; default 10,000. */
  readonly creditLimit?: number;
}

export interface StartedPaymentWorker {
  health(): WorkerHealth;
  /** Drains, and closes the database. The bus stays open. */
  stop(): Promise<void>;
}

/** Migrates the database, waiting for it if it is away, and serves the queue `payments`. */
export async function startPaymentWorker(options: PaymentWorkerOptions): Promise<StartedPaymentWorker> {
  const { bus, databaseUrl, logger, signal, topicPrefix = 'counterstep', concurrency = 10 } = options;
  const database = await openDataSource(
    () =>
      new DataSource({
        type: 'postgres',
        url: databaseUrl,
        schema: SCHEMA,
        applicationName: 'payment-worker',
        // One connection for each command that runs, and two for what is beside.
        poolSize: concurrency + 2,
        entities: [Payment, Refund],
        migrations: [CreatePayments1700000000000],
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
    source: 'payment-worker',
  };
  const app = await NestFactory.createMicroservice(
    PaymentModule.with(worker, { creditLimit: options.creditLimit ?? 10_000 }),
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
