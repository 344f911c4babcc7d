export { configSchema, loadConfig } from './config.js';
export type { Config } from './config.js';
export { startInventoryWorker } from './start-worker.js';
export type { InventoryWorkerOptions, StartedInventoryWorker } from './start-worker.js';
