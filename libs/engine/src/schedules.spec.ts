import { describe, expect, test } from '@jest/globals';
import { ValidationError, WorkflowBuilder } from '@counterstep/core';
import fc from 'fast-check';
import * as z from 'zod';
import { Registry } from './registry.js';
import { CheckedSchedule, checkSchedules, type Schedule } from './schedules.js';

const workflow = new WorkflowBuilder('report', { input: z.object({ day: z.string().optional() }) })
  .addStep('write', 'reports.write', { readOnly: true })
  .build();
const registry = new Registry([workflow]);
const NOW = Date.UTC(2040, 0, 1);

const nightly: Schedule = {
  name: 'nightly',
  cron: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  workflow: 'report',
};
const checked = (more: Partial<Schedule> = {}) => new CheckedSchedule({ ...nightly, ...more });
const iso = (moment: number | undefined) => moment !== undefined && new Date(moment).toISOString();

function problemsOf(...schedules: unknown[]): { path?: string; code: string }[] {
  try {
    checkSchedules(schedules as Schedule[], registry, NOW);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).code).toBe('BAD_SCHEDULES');
    return (error as ValidationError).problems.map(({ path, code }) => ({ path: path ?? '', code }));
  }
}

describe('a schedule', () => {
  test.each<[string, object, string]>([
    ['no name', { name: undefined }, 'BAD_SCHEDULE_NAME'],
    ['a name with a space', { name: 'at night' }, 'BAD_SCHEDULE_NAME'],
    ['no pattern', { cron: undefined }, 'BAD_CRON'],
    ['a pattern of four fields', { cron: '30 2 * *' }, 'BAD_CRON'],
    ['a minute that is none', { cron: '61 2 * * *' }, 'BAD_CRON'],
    ['a single date', { cron: '2041-01-01T00:00:00' }, 'BAD_CRON'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'NO_TICK'],
    ['an unknown time zone', { timeZone: 'Mars/Olympus' }, 'BAD_TIME_ZONE'],
    ['an empty time zone', { timeZone: '' }, 'BAD_TIME_ZONE'],
    ['an unknown workflow', { workflow: 'rapport' }, 'UNKNOWN_WORKFLOW'],
    ['no workflow', { workflow: undefined }, 'UNKNOWN_WORKFLOW'],
    ['an input that fails its schema', { input: { day: 7 } }, 'INPUT_INVALID'],
    ['an input that is a list', { input: [] }, 'INPUT_INVALID'],
    [
      'an input that throws',
      {
        input: () => {
          throw new Error('no');
        },
      },
      'INPUT_INVALID',
    ],
    ['a catch-up that is too short', { catchUp: 9_999 }, 'BAD_CATCH_UP'],
    ['a catch-up that is no number', { catchUp: '1 h' }, 'BAD_CATCH_UP'],
  ])('with %s is refused', (_, wrong, code) => {
    expect(problemsOf({ ...nightly, ...wrong })).toMatchObject([{ code }]);
  });

  test('that is good has no problems, with five fields or six, an alias, or an input made of the tick', () => {
    const good = ['30 2 * * *', '*/10 30 2 * * MON-FRI', '@daily', '0 0 L * *'].map((cron, index) => ({
      ...nightly,
      name: `good-${index}`,
      cron,
      input: index === 0 ? { day: 'x' } : (tick: Date) => ({ day: tick.toISOString() }),
    }));
    expect(problemsOf(...good)).toEqual([]);
  });

  test('with problems, and others beside it, are named all at once', () => {
    const bad = { name: 'weekly', cron: 'sometimes', timeZone: 'Nowhere', workflow: 'x', catchUp: 1 };
    expect(problemsOf(nightly, bad, { ...nightly, input: { day: 1 } }, {})).toEqual([
      { path: 'weekly', code: 'BAD_CATCH_UP' },
      { path: 'weekly', code: 'BAD_TIME_ZONE' },
      { path: 'weekly', code: 'BAD_CRON' },
      { path: 'weekly', code: 'UNKNOWN_WORKFLOW' },
      { path: 'nightly', code: 'DUPLICATE_SCHEDULE' },
      { path: 'nightly', code: 'INPUT_INVALID' },
      { path: 'schedules[3]', code: 'BAD_SCHEDULE_NAME' },
      { path: 'schedules[3]', code: 'BAD_CRON' },
      { path: 'schedules[3]', code: 'UNKNOWN_WORKFLOW' },
    ]);
  });
});

describe('the ticks of a schedule', () => {
  const ticks = (schedule: CheckedSchedule, from: string, count: number) => {
    const found: string[] = [];
    let moment = Date.parse(from);
    for (let n = 0; n < count; n += 1) {
      moment = schedule.next(moment) ?? Number.NaN;
      found.push(new Date(moment).toISOString());
    }
    return found;
  };

  test('at 02:30 in Berlin come once when the clocks go forward over it: at 03:00', () => {
    expect(ticks(checked(), '2040-03-24T00:00:00Z', 3)).toEqual([
      '2040-03-24T01:30:00.000Z',
      '2040-03-25T01:00:00.000Z',
      '2040-03-26T00:30:00.000Z',
    ]);
  });

  test('at 02:30 in Berlin come once when the clocks go back over it: the first time', () => {
    expect(ticks(checked(), '2040-10-27T00:00:00Z', 3)).toEqual([
      '2040-10-27T00:30:00.000Z',
      '2040-10-28T00:30:00.000Z',
      '2040-10-29T01:30:00.000Z',
    ]);
  });

  test('every half hour come in every half hour, whatever the clocks do', () => {
    const found = ticks(checked({ cron: '*/30 * * * *' }), '2040-10-27T22:00:00Z', 12).map(Date.parse);
    expect(found.every((tick, index) => index === 0 || tick - (found[index - 1] ?? 0) === 1_800_000)).toBe(
      true,
    );
  });

  test('a tick is its own last one, to the millisecond', () => {
    const tick = Date.parse('2040-06-01T00:30:00Z');
    expect(iso(checked().last(tick))).toBe('2040-06-01T00:30:00.000Z');
    expect(iso(checked().last(tick + 999))).toBe('2040-06-01T00:30:00.000Z');
    expect(iso(checked().last(tick - 1))).toBe('2040-05-31T00:30:00.000Z');
  });

  test('the last one before a moment is the one after which none comes until then', () => {
    const patterns = ['30 2 * * *', '*/7 * * * *', '15 2,3 * * *', '0 3 * * SUN', '*/20 30 1-3 * * *'];
    const changes = ['2040-03-25T01:00:00Z', '2040-10-28T01:00:00Z'].map(Date.parse);
    const hours = 5 * 3_600_000;
    fc.assert(
      fc.property(
        fc.constantFrom(...patterns.map((cron) => checked({ cron }))),
        fc.constantFrom(...changes),
        fc.integer({ min: -hours, max: hours }),
        (schedule, change, offset) => {
          const moment = change + offset;
          const last = schedule.last(moment) ?? Number.NaN;
          expect(last).toBeLessThanOrEqual(moment);
          expect(schedule.next(last)).toBeGreaterThan(moment);
          // It is a tick: the first one after the second before it.
          expect(iso(schedule.next(last - 1_000))).toBe(iso(last));
        },
      ),
      { numRuns: 400 },
    );
  });
});
