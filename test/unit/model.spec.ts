import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Meetings } from './model/interesting.js';
import { play } from './model/run.js';
import type { Plot } from './model/run.js';

/** `npm run verify:deep` asks for more, and for others each time. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 10_000);
const SEED = Number(process.env['MODEL_SEED'] ?? 20_261_121);
const MINUTE = 60_000;

const word = fc.nat(0x7fff_ffff);
const plots: fc.Arbitrary<Plot> = fc.record({
  steps: fc.array(word, { minLength: 1, maxLength: 8, size: 'max' }),
  settings: word,
  events: fc.array(word, { maxLength: 60, size: 'max' }),
});

describe('the rules of a saga', () => {
  it(
    'are those of the naive model, for whatever workflow and whatever happens',
    () => {
      const meetings = new Meetings();
      let events = 0;
      const result = fc.check(
        fc.property(plots, (plot) => {
          events += play(plot, { sees: (happening) => meetings.note(happening) });
        }),
        { numRuns: RUNS, seed: SEED },
      );
      if (result.failed) throw new Error(storyOf(result));
      if (process.env['MODEL_RUNS'] !== undefined) console.log(summaryOf(meetings, events));
      const never = meetings.all.filter(([, times]) => times === 0).map(([name]) => name);
      expect(never).toEqual([]);
    },
    120 * MINUTE,
  );
});

function storyOf({ counterexample, numRuns, numShrinks }: fc.RunDetails<[Plot]>): string {
  const lines: string[] = [];
  const [plot] = counterexample ?? [];
  try {
    if (plot) play(plot, { hears: (more) => lines.push(...more) });
  } catch (difference) {
    lines.push(String(difference));
  }
  return [
    `run ${numRuns} differs, shrunk ${numShrinks} times; again with MODEL_SEED=${SEED}`,
    ...lines,
    `the plot: ${JSON.stringify(plot)}`,
  ].join('\n');
}

function summaryOf(meetings: Meetings, events: number): string {
  const counts = meetings.all.map(([name, times]) => `${String(times).padStart(9)} ${name}`);
  return [`${RUNS} runs, ${events} events, seed ${SEED}`, ...counts].join('\n');
}
