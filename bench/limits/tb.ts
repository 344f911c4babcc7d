import { decide } from '@counterstep/core';
import type { Saga, SagaEvent } from '@counterstep/core';
import type { Lane, Write } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { freshDatabase } from '../../test/support/postgres.js';
import type { Servers } from '../servers.js';
import { w1 } from '../workloads/w1.js';
import { PAYLOAD } from '../workloads/workload.js';
import { quantiles } from '../row.js';
import { EACH_SECOND, inBatch, limitOf } from './limit.js';
import type { Limit } from './limit.js';

const BATCHES = [1, 10, 100, 500];
const SECONDS = 5;
const SELDOM = 20;

/** The commit statement of our own alone: transitions of W1's sagas, so many in a batch, over one connection. */
export async function tbLimit({ postgres: { url } }: Servers): Promise<Limit> {
  const database = await freshDatabase(url);
  const figures: Record<string, number> = {};
  try {
    await migrate(database.url);
    for (const size of BATCHES) {
      const store = new PostgresStore({ url: database.url });
      await store.open();
      const lane = await store.openLane([w1.workflow.digest]);
      figures[inBatch(size)] = await transitionsPerSecond(lane, size);
      if (size === 1) {
        const { p50, p99 } = quantiles(await commitsEachSecond(lane));
        Object.assign(figures, { [`${EACH_SECOND}: p50 ms`]: p50, [`${EACH_SECOND}: p99 ms`]: p99 });
      }
      await lane.close();
      await store.close();
    }
    return limitOf('Tb', figures);
  } finally {
    await database.drop();
  }
}

/** Only the commits are timed; what they write is decided between them. */
async function transitionsPerSecond(lane: Lane, size: number): Promise<number> {
  let [transitions, milliseconds] = [0, 0];
  for await (const ms of commits(lane, size)) {
    transitions += size;
    milliseconds += ms;
    if (milliseconds >= SECONDS * 1_000) break;
  }
  return Math.round((transitions / milliseconds) * 1_000);
}

async function commitsEachSecond(lane: Lane): Promise<number[]> {
  const times: number[] = [];
  for await (const ms of commits(lane, 1)) {
    times.push(ms);
    if (times.length === SELDOM) break;
    await delay(1_000);
  }
  return times;
}

/** Milliseconds of each commit: sagas that begin together, and go on together, without end. */
async function* commits(lane: Lane, size: number): AsyncGenerator<number> {
  for (let number = 0; ;) {
    let sagas: (Saga | undefined)[] = Array.from({ length: size }, () => undefined);
    for (const event of [start, ...['one', 'two', 'three'].map(reply)]) {
      const writes = sagas.map((saga) => transition(saga, event(), lane.id, (number += 1)));
      const from = performance.now();
      const result = await lane.commit({ writes, confirmed: number - size, park: [], unpark: [] });
      const ms = performance.now() - from;
      if (result.kind !== 'committed' || result.stale.length > 0)
        throw new Error('a batch was not committed');
      yield ms;
      sagas = writes.map(({ saga }) => saga);
    }
  }
}

function transition(saga: Saga | undefined, event: SagaEvent, lane: number, number: number): Write {
  const decision = decide(w1.workflow, saga, event, { now: Date.now(), random: 0 });
  if (decision.kind !== 'applied') throw new Error(`the transition is ${decision.kind}`);
  const records = [{ ...decision.record, lane, number }];
  return { expectedVersion: saga?.version ?? 0, saga: decision.saga, records };
}

function start(): SagaEvent {
  return { type: 'start', sagaId: newSagaId(), input: PAYLOAD };
}

function reply(step: string): () => SagaEvent {
  const name = { step, direction: 'forward', run: 1, attempt: 1 } as const;
  return () => ({ type: 'reply', ...name, outcome: 'succeeded', output: PAYLOAD.text.length });
}

/** UUIDv7, as the engine's: in the order of time, which the indexes like. */
function newSagaId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const noise = randomBytes(9).toString('hex');
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${noise.slice(0, 3)}`,
    `8${noise.slice(3, 6)}`,
    noise.slice(6),
  ].join('-');
}
