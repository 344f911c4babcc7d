import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

interface RequestQueue {
  push(request: { entry?: { apiName?: string } }): void;
}

/** Counts what kafkajs sends to brokers from now on, in all clients of this process. */
export function countKafkaRequests(): () => number {
  let count = 0;
  const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  const push = prototype.push;
  prototype.push = function (this: RequestQueue, request): void {
    count += 1;
    push.call(this, request);
  };
  return () => count;
}
