import { readArguments } from './arguments.js';
import { newRunId } from './row.js';
import { Run } from './run.js';
import { startServers } from './servers.js';
import { SUITES } from './suites/suites.js';

/**
 * `npm run bench`: the workloads over a real Kafka and a real Postgres (fsync on, acks of all), an orchestrator and a
 * worker as processes of their own. Prints each result, and keeps it raw in bench/results/<run id>.
 *
 * `npm run bench -- W1 W5` measures these; `--repeats 5` each so often; `--scale 0.2` with a fifth of the sagas; `--run id`
 * goes on with a run.
 */
const asked = readArguments(process.argv.slice(2), Object.keys(SUITES));
const run = new Run(asked.run ?? newRunId(), asked.repeats, asked.scale);
console.log(`run ${run.id}`);
// The servers and the measured processes end with this one, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let failures = 0;
for (const name of asked.names) {
  const servers = await startServers();
  run.noteMachine(servers);
  try {
    await SUITES[name]?.(run, servers);
  } catch (error) {
    failures += 1;
    console.error(`${name} failed`, error);
  } finally {
    await servers.close();
  }
}
process.exit(failures > 0 ? 1 : 0);
