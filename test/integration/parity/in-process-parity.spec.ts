import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { comparable } from './compare.js';
import { Distributed, inProcess } from './runtimes.js';
import { SHAPES } from './shapes.js';
import { STEPS } from './steps.js';

const SCENARIOS = [...STEPS, ...SHAPES];
let distributed: Distributed;
beforeAll(async () => {
  distributed = await Distributed.open(SCENARIOS);
}, 60_000);
afterAll(() => distributed.close(), 30_000);

describe('in process and over Kafka a saga has the same history, end and context:', () => {
  test.each(SCENARIOS.map((scenario) => [scenario.title, scenario] as const))('%s', async (_, scenario) => {
    const [here, there] = await Promise.all([inProcess(scenario), distributed.run(scenario)]);
    const { state, phase } = there.status;
    expect(scenario.ends).toBe(scenario.ends === 'attention' ? phase : state);
    expect(JSON.stringify(there.history)).toContain(scenario.shows);
    expect(comparable(here, scenario.beside)).toEqual(comparable(there, scenario.beside));
  });
});
