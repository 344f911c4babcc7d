// Starts both servers, tells about them in one line of JSON, and then does nothing until it is killed.
import { startKafka } from './kafka.js';
import { startPostgres } from './postgres.js';

const [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
const pids = [postgres.pid, kafka.pid];
process.stdout.write(`${JSON.stringify({ pids, folders: [postgres.folder, kafka.folder] })}\n`);
setInterval(() => undefined, 60_000);
