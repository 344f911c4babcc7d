import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { effectKeyOf, type ProgressMessage } from '@counterstep/protocol';
import { ProgressView, VIEW_LIMITS, type ViewLimits } from './progress-view.js';

const sagaOf = (n: number): string => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const SAGA = sagaOf(1);
const AT = '2030-01-01T00:00:00.000Z';

type Over = Partial<Omit<ProgressMessage, 'data'>>;
let lastNumber = 0;

function message(data: ProgressMessage['data'], over: Over = {}): ProgressMessage {
  const { sagaid = SAGA, step = 's', run = 1, attempt = 1, direction = 'forward' } = over;
  return {
    specversion: '1.0',
    id: 'm',
    source: 'test',
    type: 'counterstep.progress.v1',
    time: AT,
    sagaid,
    step,
    direction,
    run,
    attempt,
    effectkey: effectKeyOf(sagaid, step, run, direction),
    worker: 'q.s',
    replytoken: 't',
    origin: 'one',
    number: ++lastNumber,
    data,
    ...over,
  };
}

const tick = (current: number, over: Over = {}, category = 's'): ProgressMessage =>
  message({ progress: [{ category, current, total: 100 }] }, over);
const line = (event: string, over: Over = {}, data = {}): ProgressMessage =>
  message({ logs: [{ at: AT, event, data }] }, over);
const viewOf = (limits: Partial<ViewLimits> = {}): ProgressView =>
  new ProgressView({ ...VIEW_LIMITS, ...limits });
const currents = (view: ProgressView, sagaId = SAGA): number[] =>
  view.told(sagaId).steps.flatMap(({ progress }) => progress.map(({ current }) => current));
const partOf = (view: ProgressView): number | undefined => view.told(SAGA).parts.get('s');

describe('the view of what was told', () => {
  test('has the last value of each category, and the lines in their order', () => {
    const view = viewOf();
    view.apply(message({ progress: [{ category: 's', current: 1, total: 4 }], dropped: 2 }));
    view.apply(message({ metrics: [{ category: 'net', values: { bytes: 7 } }] }));
    view.apply(message({ metrics: [{ category: 'net', values: { bytes: 9 } }], dropped: 1 }));
    view.apply(message({ logs: [{ at: AT, event: 'a', data: { x: 1 }, file: 'f' }] }));
    view.apply(line('b', { direction: 'undo' }));
    view.apply(message({ progress: [{ category: 's', current: 3, total: 4 }] }));
    expect(view.told(SAGA)).toEqual({
      parts: new Map([['s', 0.75]]),
      steps: [
        {
          step: 's',
          direction: 'forward',
          run: 1,
          attempt: 1,
          progress: [{ category: 's', current: 3, total: 4, at: AT }],
          metrics: [{ category: 'net', values: { bytes: 9 }, at: AT }],
        },
      ],
      logs: [
        { at: AT, step: 's', direction: 'forward', attempt: 1, event: 'a', data: { x: 1 }, file: 'f' },
        { at: AT, step: 's', direction: 'undo', attempt: 1, event: 'b', data: {}, file: null },
      ],
      dropped: 3,
      revision: 6,
    });
    expect(view.told(sagaOf(2))).toMatchObject({ steps: [], logs: [], dropped: 0 });
  });

  test('tells what is new since a revision, and nothing twice', () => {
    const view = viewOf();
    view.apply(tick(1));
    view.apply(line('a'));
    const first = view.told(SAGA);
    expect(view.told(SAGA, first.revision)).toMatchObject({ steps: [], logs: [] });
    view.apply(tick(2, {}, 'other'));
    view.apply(line('b'));
    const second = view.told(SAGA, first.revision);
    expect(second.steps).toMatchObject([{ progress: [{ category: 'other', current: 2 }] }]);
    expect(second.logs.map(({ event }) => event)).toEqual(['b']);
  });

  test('hears no message twice, and none that comes late', () => {
    const view = viewOf();
    const [first, second] = [line('a', { number: 1 }), line('b', { number: 2 })];
    expect([second, second, first].map((each) => view.apply(each))).toEqual([true, false, false]);
    expect(view.told(SAGA).logs.map(({ event }) => event)).toEqual(['b']);
  });

  test('forgets a former attempt when a newer one speaks, and does not listen to it any more', () => {
    const view = viewOf();
    view.apply(tick(80, {}, 'old'));
    view.apply(tick(80));
    view.apply(tick(10, { attempt: 2, origin: 'two', number: 1 }));
    expect(currents(view)).toEqual([10]);
    expect(view.apply(tick(90))).toBe(false);
    expect(view.apply(line('ghost'))).toBe(false);
    expect(currents(view)).toEqual([10]);
    view.apply(tick(5, { run: 2, attempt: 1 }));
    expect(view.apply(tick(20, { attempt: 3 }))).toBe(false);
    expect(currents(view)).toEqual([5]);
  });

  test('listens to the process that an attempt was delivered to last', () => {
    const view = viewOf();
    view.apply(tick(50, { origin: 'killed', number: 7 }));
    view.apply(tick(10, { origin: 'heir', number: 1 }));
    expect(view.apply(tick(60, { origin: 'killed', number: 8 }))).toBe(false);
    view.apply(tick(20, { origin: 'heir', number: 2 }));
    expect(currents(view)).toEqual([20]);
  });

  test('never lets the part of a step fall, whatever is told', () => {
    const view = viewOf();
    view.apply(tick(80));
    view.apply(tick(30));
    expect([currents(view), partOf(view)]).toEqual([[30], 0.8]);
    view.apply(tick(10, { attempt: 2 }));
    view.apply(tick(5, { run: 2 }));
    expect([currents(view), partOf(view)]).toEqual([[5], 0.8]);
    view.apply(tick(95, { run: 2 }));
    expect(partOf(view)).toBe(0.95);
  });

  test('counts no part for an undo', () => {
    const view = viewOf();
    view.apply(tick(80, { direction: 'undo' }));
    expect(partOf(view)).toBeUndefined();
  });

  test('keeps the sagas that were heard of last, and is empty when all are forgotten', () => {
    const view = viewOf({ sagas: 3 });
    for (const n of [1, 2, 3, 1, 4]) view.apply(tick(n, { sagaid: sagaOf(n) }));
    expect(view.sagaIds).toEqual([3, 1, 4].map(sagaOf));
    for (const sagaId of view.sagaIds) view.forget(sagaId);
    expect([view.sagaIds, view.size]).toEqual([[], 0]);
  });

  test('stays within its bytes', () => {
    const view = viewOf({ bytes: 20_000 });
    for (let n = 0; n < 50; n += 1)
      view.apply(
        message({ metrics: [{ category: 'c', values: { text: 'x'.repeat(2_000) } }] }, { sagaid: sagaOf(n) }),
      );
    expect(view.size).toBeLessThanOrEqual(20_000);
    expect(view.sagaIds.at(-1)).toBe(sagaOf(49));
    expect(view.sagaIds.length).toBeGreaterThan(5);
  });

  test('keeps the last lines of a saga, within their number and bytes', () => {
    const few = viewOf({ logs: 3 });
    for (let n = 0; n < 10; n += 1) few.apply(line(`e${n}`));
    expect(few.told(SAGA).logs.map(({ event }) => event)).toEqual(['e7', 'e8', 'e9']);
    const small = viewOf({ logBytes: 5_000 });
    for (let n = 0; n < 10; n += 1) small.apply(line(`e${n}`, {}, { text: 'x'.repeat(1_500) }));
    expect(small.told(SAGA).logs.map(({ event }) => event)).toEqual(['e8', 'e9']);
  });

  test('drops categories beyond their number, and counts them', () => {
    const view = viewOf({ categories: 2 });
    for (const category of ['a', 'b', 'c', 'a']) view.apply(tick(1, {}, category));
    expect(view.told(SAGA)).toMatchObject({ dropped: 1 });
    expect(currents(view)).toEqual([1, 1]);
  });

  test('keeps the steps of a saga that were heard of last, and the parts of the others', () => {
    const view = viewOf({ steps: 2 });
    for (const step of ['a', 'b', 'a', 'c']) view.apply(tick(50, { step }, step));
    const told = view.told(SAGA);
    expect(told.steps.map(({ step }) => step)).toEqual(['a', 'c']);
    expect([...told.parts.keys()]).toEqual(['a', 'b', 'c']);
    const small = viewOf({ sagaBytes: 5_000 });
    const values = { text: 'x'.repeat(1_500) };
    for (const step of ['a', 'b', 'c', 'd', 'e'])
      small.apply(message({ metrics: [{ category: 'c', values }] }, { step }));
    expect(small.told(SAGA).steps.map(({ step }) => step)).toEqual(['d', 'e']);
  });

  test('keeps the parts of so many steps', () => {
    const view = viewOf({ parts: 2 });
    for (const step of ['a', 'b', 'c', 'a']) view.apply(tick(50, { step }, step));
    expect([...view.told(SAGA).parts.keys()]).toEqual(['a', 'b']);
  });

  test('whatever comes in whatever order: parts never fall, bounds hold, and the newest attempt is shown', () => {
    const words = fc.record({
      saga: fc.integer({ min: 1, max: 4 }),
      step: fc.constantFrom('a', 'b', 'c'),
      run: fc.integer({ min: 1, max: 2 }),
      attempt: fc.integer({ min: 1, max: 3 }),
      origin: fc.constantFrom('one', 'two'),
      number: fc.integer({ min: 1, max: 9 }),
      current: fc.integer({ min: 0, max: 120 }),
      text: fc.string({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(words, { maxLength: 80 }), (list) => {
        const limits = { sagas: 3, bytes: 12_000, steps: 2, logs: 3 };
        const view = viewOf(limits);
        const parts = new Map<string, number>();
        const newest = new Map<string, number>();
        for (const { saga, current, text, ...over } of list) {
          const sagaid = sagaOf(saga);
          const { step, run, attempt } = over;
          view.apply(
            message(
              {
                progress: [{ category: step, current, total: 100 }],
                logs: [{ at: AT, event: 'e', data: { text } }],
              },
              { ...over, sagaid },
            ),
          );
          expect(view.sagaIds.length).toBeLessThanOrEqual(limits.sagas);
          expect(view.size).toBeLessThanOrEqual(
            Math.max(limits.bytes, view.sagaIds.length === 1 ? Infinity : 0),
          );
          for (const key of [...parts.keys()])
            if (!view.sagaIds.some((id) => key.startsWith(id))) parts.delete(key);
          const told = view.told(sagaid);
          expect(told.steps.length).toBeLessThanOrEqual(limits.steps);
          expect(told.logs.length).toBeLessThanOrEqual(limits.logs);
          for (const [path, part] of told.parts) {
            const key = `${sagaid} ${path}`;
            expect(part).toBeGreaterThanOrEqual(parts.get(key) ?? 0);
            expect(part).toBeLessThanOrEqual(1);
            parts.set(key, part);
          }
          const rank = run * 10 + attempt;
          const key = `${sagaid} ${step}`;
          const shown = told.steps.find((each) => each.step === step);
          if (!shown) continue;
          if (rank >= (newest.get(key) ?? 0)) newest.set(key, rank);
          expect(shown.run * 10 + shown.attempt).toBeLessThanOrEqual(newest.get(key) ?? 0);
        }
        for (const sagaId of view.sagaIds) view.forget(sagaId);
        expect(view.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
