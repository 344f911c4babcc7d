import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { FinishedSagaEntity } from './entities/finished-saga.entity.js';
import { SagaEntity } from './entities/saga.entity.js';
import { Initial1764000000000 } from './migrations/1764000000000-initial.js';

/** In order, oldest first. */
export const MIGRATIONS = [Initial1764000000000];

export interface DataSourceSettings {
  readonly url: string;
  readonly applicationName: string;
  readonly connections: number;
  /** Milliseconds. */
  readonly statementTimeout: number;
  readonly onError?: (error: unknown) => void;
}

/** TypeORM on the store's schema: for migrations and for operators' queries, never for the hot path. */
export function dataSourceOf({
  url,
  applicationName,
  connections,
  statementTimeout,
  onError,
}: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    schema: 'counterstep',
    applicationName,
    entities: [SagaEntity, FinishedSagaEntity],
    migrations: MIGRATIONS,
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    synchronize: false,
    installExtensions: false,
    logging: false,
    connectTimeoutMS: 5_000,
    ...(onError && { poolErrorHandler: onError }),
    extra: {
      max: connections,
      keepAlive: true,
      statement_timeout: statementTimeout,
      idle_in_transaction_session_timeout: statementTimeout,
    },
  });
}
