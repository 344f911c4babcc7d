import { countKafkaRequests } from './children/kafka-requests.js';
import { loggerSince } from './children/logger.js';
import { busOf, workerOf } from './children/parts.js';
import { serve } from './children/serve.js';
import { readConfig } from './config.js';

/** The worker as a process of its own. */
const config = readConfig();
const kafkaRequests = countKafkaRequests();
let isReady = false;
const logger = loggerSince(() => isReady);
const worker = workerOf(config, busOf(config, 'bench-worker', logger), logger);
await worker.start();
await worker.ready();
isReady = true;

process.on('SIGTERM', () => {
  process.exit(0);
});
serve({ kafkaRequests });
