export { configSchema, loadConfig } from './config.js';
export type { Config } from './config.js';
export { startShippingWorker } from './start-worker.js';
export type { ShippingWorkerOptions, StartedShippingWorker } from './start-worker.js';
