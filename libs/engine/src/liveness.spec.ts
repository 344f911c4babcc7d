import { beforeEach, describe, expect, it } from '@jest/globals';
import { LivenessWatch, OVERDUE_AFTER } from './liveness.js';
import type { Vitals } from './store.js';

const well: Vitals = { hanging: 0, overdue: 0, attention: 0 };

let vitals: Vitals | Error;
let asked: number[];
let logged: string[];
let runNext: (() => void) | undefined;
let waits: number[];
let watch: LivenessWatch;

beforeEach(() => {
  [vitals, asked, logged, runNext, waits] = [well, [], [], undefined, []];
  const log =
    (level: string) =>
    (message: string, facts: object = {}): void => {
      logged.push(`${level}: ${message} ${JSON.stringify(facts)}`);
    };
  watch = new LivenessWatch({
    store: {
      now: async () => 1_000_000,
      vitals: async (before) => {
        asked.push(before);
        if (vitals instanceof Error) throw vitals;
        return vitals;
      },
      hangingSagas: async () => ['saga 1', 'saga 2'],
    },
    clock: {
      now: () => 0,
      after: (ms, run) => {
        if (ms !== 15_000) return () => undefined;
        waits.push(ms);
        runNext = run;
        return () => {
          runNext = undefined;
        };
      },
    },
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    interval: 15_000,
  });
});

/** Lets the look that is under way end. */
async function looked(): Promise<void> {
  const before = waits.length;
  while (waits.length === before) await new Promise((resolve) => setImmediate(resolve));
}

async function lookAgain(found: Vitals | Error): Promise<void> {
  vitals = found;
  const ended = looked();
  runNext?.();
  await ended;
}

describe('the watch over liveness', () => {
  it('looks at once and at every interval, and leaves what is due its time', async () => {
    expect(watch.report).toBeUndefined();
    watch.start();
    await looked();
    expect(asked).toEqual([1_000_000 - OVERDUE_AFTER]);
    expect(watch.report).toEqual({ ...well, checkedAt: 1_000_000 });
    await lookAgain({ ...well, attention: 3 });
    expect(watch.report).toMatchObject({ attention: 3 });
    expect(logged).toEqual([]);
  });

  it('names sagas that hang, every time', async () => {
    vitals = { ...well, hanging: 2 };
    watch.start();
    await looked();
    await lookAgain({ ...well, hanging: 2 });
    expect(logged).toEqual([
      expect.stringMatching(/^error: sagas hang.*"sagas":2,"first":"saga 1, saga 2"/),
      expect.stringMatching(/^error: sagas hang/),
    ]);
  });

  it('tells when sagas become overdue, and when none is any more', async () => {
    watch.start();
    await looked();
    const late = { ...well, overdue: 5, oldestDueAt: 0 };
    await lookAgain(late);
    await lookAgain(late);
    await lookAgain(well);
    expect(logged).toEqual([
      expect.stringMatching(/^warn: sagas are overdue.*"sagas":5,"since":"1970-01-01T00:00:00.000Z"/),
      expect.stringMatching(/^info: no saga is overdue any more/),
    ]);
  });

  it('goes on when the store is away, and keeps what it found last', async () => {
    watch.start();
    await looked();
    await lookAgain(new Error('gone'));
    expect(logged).toEqual([expect.stringMatching(/^warn: .*"error":"gone"/)]);
    expect(watch.report).toMatchObject({ checkedAt: 1_000_000 });
    await lookAgain({ ...well, attention: 1 });
    expect(watch.report).toMatchObject({ attention: 1 });
  });

  it('looks no more once it is stopped', async () => {
    watch.start();
    await looked();
    await watch.stop();
    expect(runNext).toBeUndefined();
    watch.start();
    expect(asked).toHaveLength(1);
  });
});
