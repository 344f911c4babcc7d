export { configSchema, loadConfig } from './config.js';
export type { Config } from './config.js';
export { startPaymentWorker } from './start-worker.js';
export type { PaymentWorkerOptions, StartedPaymentWorker } from './start-worker.js';
