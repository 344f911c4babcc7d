import { beforeEach, describe, expect, test } from '@jest/globals';
import { StateStoreError, ValidationError } from '@counterstep/core';
import { StoreClock } from '../../libs/engine/src/clock.js';
import { silentLogger } from '../../libs/engine/src/logger.js';
import { Scheduler } from '../../libs/engine/src/scheduler.js';
import { CheckedSchedule } from '../../libs/engine/src/schedules.js';
import { VirtualClock } from '../support/virtual-clock.js';
import { waitFor } from '../support/wait-for.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIDNIGHT = Date.UTC(2040, 0, 2);

let clock: VirtualClock;
let storeClock: StoreClock;
let firstSeen: number;
let starts: string[];
let failures: Error[];
let answered: number;

beforeEach(() => {
  clock = new VirtualClock();
  storeClock = new StoreClock(clock);
  storeClock.learn(MIDNIGHT, 0);
  [firstSeen, starts, failures, answered] = [0, [], [], 0];
});

/** A schedule of every full hour. */
function schedulerOf(catchUp = HOUR): Scheduler {
  const scheduler = new Scheduler({
    schedules: [new CheckedSchedule({ name: 'hourly', cron: '0 * * * *', workflow: 'report', catchUp })],
    store: { firstSeen: async () => firstSeen },
    clock,
    storeClock,
    logger: silentLogger,
    start: async (_, tick) => {
      answered += 1;
      const failure = failures.shift();
      if (failure) throw failure;
      starts.push(new Date(tick).toISOString().slice(11, 16));
    },
  });
  scheduler.start();
  return scheduler;
}

const until = (count: number) => waitFor(() => answered >= count, { what: `${count} starts`, everyMs: 1 });
/** Minute by minute, with room for what the scheduler awaits. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= MINUTE) {
    clock.advance(Math.min(left, MINUTE));
    await new Promise(setImmediate);
  }
}

describe('a scheduler', () => {
  test('starts at each tick, once', async () => {
    schedulerOf();
    await until(1);
    await pass(3 * HOUR);
    expect(starts).toEqual(['00:00', '01:00', '02:00', '03:00']);
  });

  test('goes by the store, when that is set', async () => {
    schedulerOf();
    await until(1);
    await pass(10 * MINUTE);
    storeClock.learn(MIDNIGHT + 59 * MINUTE, clock.now());
    await pass(2 * MINUTE);
    expect(starts).toEqual(['00:00', '01:00']);
  });

  test('makes the last tick good after a time in which nobody was there, and none before it', async () => {
    storeClock.learn(MIDNIGHT + 5 * HOUR + 50 * MINUTE, 0);
    schedulerOf();
    await until(1);
    await pass(20 * MINUTE);
    expect(starts).toEqual(['05:00', '06:00']);
  });

  test('leaves a tick alone that is too old', async () => {
    storeClock.learn(MIDNIGHT + 5 * HOUR + 50 * MINUTE, 0);
    schedulerOf(49 * MINUTE);
    await pass(20 * MINUTE);
    expect(starts).toEqual(['06:00']);
  });

  test('leaves a tick alone that came before anybody had the schedule', async () => {
    storeClock.learn(MIDNIGHT + 5 * HOUR + MINUTE, 0);
    firstSeen = MIDNIGHT + 5 * HOUR + 1;
    schedulerOf();
    await pass(HOUR);
    expect(starts).toEqual(['06:00']);
  });

  test('tries again after a second when the store is away, until the tick is too old', async () => {
    failures = [new StateStoreError('STORE_DOWN', 'away'), new StateStoreError('STORE_DOWN', 'away')];
    schedulerOf();
    await until(1);
    clock.advance(1_000);
    await until(2);
    clock.advance(1_000);
    await until(3);
    expect(starts).toEqual(['00:00']);
    failures = Array.from({ length: 10_000 }, () => new StateStoreError('STORE_DOWN', 'away'));
    await pass(HOUR + 30 * MINUTE);
    failures = [];
    await pass(31 * MINUTE);
    expect(starts).toEqual(['00:00', '01:00', '02:00']);
  });

  test('does not try again what will be refused each time, and goes on with the next tick', async () => {
    failures = [new ValidationError('INPUT_INVALID', 'wrong')];
    schedulerOf();
    await until(1);
    await pass(HOUR);
    expect({ starts, answered }).toEqual({ starts: ['01:00'], answered: 2 });
  });

  test('starts nothing once it is stopped', async () => {
    const scheduler = schedulerOf();
    await until(1);
    scheduler.stop();
    await pass(3 * HOUR);
    expect(starts).toEqual(['00:00']);
  });
});
