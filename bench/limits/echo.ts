import { buildProcesses } from '../build.js';
import type { EchoOrder, EchoResult } from '../children/echo.js';
import { Measured } from '../processes.js';
import type { Servers } from '../servers.js';
import { EACH_SECOND, echoes, limitOf } from './limit.js';
import type { Limit } from './limit.js';

const LOADS: readonly EchoOrder[] = [
  { inFlight: 1, messages: 1_000 },
  { inFlight: 64, messages: 30_000 },
  { inFlight: 1_000, messages: 100_000 },
];
const SELDOM: EchoOrder = { inFlight: 1, messages: 20, pauseMs: 1_000 };

/** Two processes, two topics, kafkajs and nothing else. */
export async function echoLimit({ kafka }: Servers): Promise<Limit> {
  const folder = await buildProcesses();
  const env = { KAFKA_BROKERS: kafka.brokers, TOPIC_PREFIX: `echo-${Date.now()}` };
  const asking = new Measured(folder, 'children/echo.js', { ...env, ROLE: 'ask' });
  // The asking side makes the topics.
  await asking.ready();
  const answering = new Measured(folder, 'children/echo.js', { ...env, ROLE: 'answer' });
  try {
    await answering.ready();
    const figures: Record<string, number> = {};
    await asking.ask('run', { inFlight: 100, messages: 5_000 } satisfies EchoOrder);
    for (const load of LOADS) {
      const { perSecond, p50Ms, p99Ms } = (await asking.ask('run', load)) as EchoResult;
      figures[echoes(load.inFlight)] = perSecond;
      figures[`${echoes(load.inFlight)}: p50 ms`] = p50Ms;
      figures[`${echoes(load.inFlight)}: p99 ms`] = p99Ms;
    }
    const { p50Ms, p99Ms } = (await asking.ask('run', SELDOM)) as EchoResult;
    figures[`${EACH_SECOND}: p50 ms`] = p50Ms;
    figures[`${EACH_SECOND}: p99 ms`] = p99Ms;
    return limitOf('echo', figures);
  } finally {
    await Promise.all([asking.end(), answering.end()]);
  }
}
