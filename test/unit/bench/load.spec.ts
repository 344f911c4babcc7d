import { describe, expect, it } from '@jest/globals';
import { Load } from '../../../bench/children/load.js';

/** Sagas that end when told to, or at once. */
function sagas({ endAtOnce = true } = {}) {
  const started: string[] = [];
  const load: Load = new Load(async () => {
    const sagaId = `saga-${started.length}`;
    started.push(sagaId);
    if (endAtOnce)
      setImmediate(() => {
        load.settled(sagaId);
        load.finished(sagaId, 'completed');
      });
    return sagaId;
  });
  return { load, started };
}

describe('a closed loop', () => {
  it('starts as many as it was told, and takes the time of each', async () => {
    const { load, started } = sagas();
    const result = await load.run({ inFlight: 3, sagas: 10 });
    expect(started).toHaveLength(10);
    expect(result.ended).toEqual({ completed: 10 });
    expect(result.sagaMs.p50).toBeGreaterThan(0);
    expect(result.stepMs.p50).toBeGreaterThan(0);
    expect(result.sagaMs.max).toBeGreaterThanOrEqual(result.stepMs.p50);
  });

  it('starts another only when one ends', async () => {
    const { load, started } = sagas({ endAtOnce: false });
    const running = load.run({ inFlight: 2, sagas: 3 });
    await new Promise(setImmediate);
    expect(started).toEqual(['saga-0', 'saga-1']);
    load.finished('saga-0', 'completed');
    expect(started).toEqual(['saga-0', 'saga-1', 'saga-2']);
    await new Promise(setImmediate);
    load.finished('saga-1', 'compensated');
    load.finished('saga-2', 'completed');
    expect((await running).ended).toEqual({ completed: 2, compensated: 1 });
  });

  it('takes the time of a step from the one before, of those that begin with the saga from its start', async () => {
    const stallMs = 30;
    /** Three steps, of which the first takes this long, and the others end with it. */
    const median = async (together: number): Promise<number> => {
      const load = new Load(async () => 'saga', together);
      const running = load.run({ inFlight: 1, sagas: 1 });
      await new Promise(setImmediate);
      const until = performance.now() + stallMs;
      while (performance.now() < until);
      for (let step = 1; step <= 3; step += 1) load.settled('saga');
      load.finished('saga', 'completed');
      return (await running).stepMs.p50;
    };
    expect(await median(1)).toBeLessThan(stallMs);
    expect(await median(2)).toBeGreaterThanOrEqual(stallMs);
  });

  it('counts a saga that ends twice once', async () => {
    const { load } = sagas({ endAtOnce: false });
    const running = load.run({ inFlight: 2, sagas: 2 });
    await new Promise(setImmediate);
    load.finished('saga-0', 'completed');
    load.finished('saga-0', 'completed');
    load.finished('saga-1', 'completed');
    expect((await running).ended).toEqual({ completed: 2 });
  });

  it('fails when a saga cannot be started', async () => {
    const load = new Load(() => Promise.reject(new Error('full')));
    await expect(load.run({ inFlight: 1, sagas: 2 })).rejects.toThrow('full');
  });
});

describe('an open loop', () => {
  it('starts at its rate, whether sagas end or not', async () => {
    const { load, started } = sagas({ endAtOnce: false });
    const running = load.run({ rate: 200, sagas: 4 });
    while (started.length < 4) await new Promise(setImmediate);
    await new Promise(setImmediate);
    for (const sagaId of started) load.finished(sagaId, 'completed');
    // The first was meant for 15 ms before the last.
    expect((await running).sagaMs.max).toBeGreaterThanOrEqual(15);
  });

  it('counts from the moment that a start was meant for, however late it is made', async () => {
    const stallMs = 60;
    let begun = 0;
    const load: Load = new Load(async () => {
      const sagaId = `saga-${begun}`;
      begun += 1;
      const until = performance.now() + (begun === 1 ? stallMs : 0);
      while (performance.now() < until);
      setImmediate(() => {
        load.finished(sagaId, 'completed');
      });
      return sagaId;
    });
    // Meant for 5, 10 and 15 ms after the first, which holds them up.
    const result = await load.run({ rate: 200, sagas: 4 });
    expect(result.sagaMs.p50).toBeGreaterThanOrEqual(stallMs - 15);
    expect(result.lateMs.max).toBeGreaterThanOrEqual(stallMs - 15);
  });
});
