import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBroker } from '@counterstep/bus';
import { WorkflowBuilder } from '@counterstep/core';
import { Orchestrator, type Lane, type Schedule } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import * as z from 'zod';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { waitFor } from '../support/wait-for.js';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const report = new WorkflowBuilder('report', { input: z.object({ tick: z.string() }) })
  .addStep('write', 'reports.write', { readOnly: true, attemptTimeout: 1_000 * HOUR })
  .build();
const nightly: Schedule = {
  name: 'nightly',
  cron: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  workflow: 'report',
  input: (tick: Date) => ({ tick: tick.toISOString() }),
  catchUp: 12 * HOUR,
};

let database: FreshDatabase;
let broker: MemoryBroker;
let clock: VirtualClock;
/** What the database's clock shows when the virtual one shows zero. */
let begin: number;
let seen: Map<string, number>;
let orchestrators: Orchestrator[];

/** Its clock is the test's. */
class StoreInTime extends PostgresStore {
  override async now(): Promise<number> {
    await super.now();
    return begin + clock.now();
  }

  override async firstSeen(name: string): Promise<number> {
    const first = seen.get(name) ?? begin + clock.now();
    seen.set(name, first);
    await super.firstSeen(name);
    return first;
  }

  override async openLane(digests: readonly string[]): Promise<Lane> {
    const lane = await super.openLane(digests);
    return {
      id: lane.id,
      close: () => lane.close(),
      commit: async (batch) => {
        const result = await lane.commit(batch);
        return result.kind === 'committed' ? { ...result, now: begin + clock.now() } : result;
      },
    };
  }
}

beforeEach(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  broker = new MemoryBroker();
  clock = new VirtualClock();
  seen = new Map();
  orchestrators = [];
});

afterEach(async () => {
  await stopAll();
  await database.drop();
});

async function startTwo(): Promise<void> {
  orchestrators = [1, 2].map(
    () =>
      new Orchestrator({
        workflow: report,
        schedules: [nightly],
        eventBus: broker.connect(),
        stateStore: new StoreInTime({ url: database.url }),
        clock,
      }),
  );
  await Promise.all(orchestrators.map((each) => each.start()));
}

/** What was begun is finished by then. */
async function stopAll(): Promise<void> {
  const stopping = Promise.all(orchestrators.map((each) => each.stop()));
  const passing = setInterval(() => clock.advance(1_000), 5);
  await stopping;
  clearInterval(passing);
  orchestrators = [];
}

/** The ticks of the sagas that were started, in order. */
async function started(): Promise<string[]> {
  const store = new PostgresStore({ url: database.url });
  try {
    const histories = await store.load(await store.listContexts());
    return histories
      .map(({ records }) => JSON.stringify(records[0]?.facts[0]))
      .map((fact) => /"tick":"([^"]+)"/.exec(fact)?.[1] ?? fact)
      .sort();
  } finally {
    await store.close();
  }
}

/** Lets time pass by the hour up to this moment, until the sagas of these ticks are there. */
async function passUntil(moment: string, ticks: string[]): Promise<void> {
  while (begin + clock.now() < Date.parse(moment)) {
    clock.advance(HOUR);
    await new Promise(setImmediate);
  }
  await sagas(ticks.length);
}

/** Time passes on meanwhile, but little of it. */
async function sagas(count: number): Promise<void> {
  await waitFor(
    async () => {
      clock.advance(1);
      return (await started()).length >= count;
    },
    { what: `${count} sagas` },
  );
}

describe('a schedule at 02:30 in Berlin, at two orchestrators on one Postgres', () => {
  it.each([
    ['forward', '2040-03-23T12:00:00Z', ['2040-03-24T01:30', '2040-03-25T01:00', '2040-03-26T00:30']],
    ['back', '2040-10-26T12:00:00Z', ['2040-10-27T00:30', '2040-10-28T00:30', '2040-10-29T01:30']],
  ])('starts one saga a day, also on the day when the clocks go %s', async (_, from, days) => {
    const ticks = days.map((day) => `${day}:00.000Z`);
    begin = Date.parse(from);
    await startTwo();
    expect(orchestrators.map((each) => each.getSchedules()[0]?.nextTick?.toISOString())).toEqual([
      ticks[0],
      ticks[0],
    ]);
    for (const [index, tick] of ticks.entries()) await passUntil(tick, ticks.slice(0, index + 1));
    await stopAll();
    expect(await started()).toEqual(ticks);
  });

  it('makes the last missed tick good, once, when all were down', async () => {
    begin = Date.parse('2040-06-01T12:00:00Z');
    await startTwo();
    await passUntil('2040-06-02T00:30:00Z', ['2040-06-02T00:30:00.000Z']);
    await stopAll();
    // Two ticks come and go.
    clock.advance(Date.parse('2040-06-04T10:00:00Z') - begin - clock.now());
    await startTwo();
    await sagas(2);
    await stopAll();
    expect(await started()).toEqual(['2040-06-02T00:30:00.000Z', '2040-06-04T00:30:00.000Z']);
    // This one is too old when somebody is there again.
    clock.advance(Date.parse('2040-06-05T20:00:00Z') - begin - clock.now());
    await startTwo();
    await passUntil('2040-06-06T00:30:00Z', ['1', '2', '3']);
    await stopAll();
    expect(await started()).toEqual([
      '2040-06-02T00:30:00.000Z',
      '2040-06-04T00:30:00.000Z',
      '2040-06-06T00:30:00.000Z',
    ]);
  });
});
