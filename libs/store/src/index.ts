export { PostgresStore } from './postgres-store.js';
export type { PostgresStoreOptions } from './postgres-store.js';
export { migrate } from './migrate.js';
export { dumpSchema } from './dump-schema.js';
