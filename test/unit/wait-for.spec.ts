import { expect, test } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';

test('returns the fact as soon as it is there', async () => {
  let looks = 0;
  const fact = () => (++looks === 3 ? 'there' : undefined);
  await expect(waitFor(fact, { what: 'the third look', everyMs: 1 })).resolves.toBe('there');
  expect(looks).toBe(3);
});

test('takes 0 and the empty string for facts', async () => {
  await expect(waitFor(() => 0, { what: 'zero' })).resolves.toBe(0);
  await expect(waitFor(() => Promise.resolve(''), { what: 'no text' })).resolves.toBe('');
});

test('names what it waited for and the last value when it gives up', async () => {
  const waiting = waitFor(() => false, { what: 'the saga is compensated', timeoutMs: 5, everyMs: 1 });
  await expect(waiting).rejects.toThrow('waited 5 ms for: the saga is compensated; last seen: false');
});

test('goes on when a look throws, and shows the error when it gives up', async () => {
  const fact = () => {
    throw new RangeError('no row yet');
  };
  const waiting = waitFor(fact, { what: 'a row', timeoutMs: 5, everyMs: 1 });
  await expect(waiting).rejects.toThrow('last seen: RangeError: no row yet');
});

test('gives up on a look that never ends', async () => {
  const waiting = waitFor(() => new Promise<string>(() => undefined), { what: 'an answer', timeoutMs: 5 });
  await expect(waiting).rejects.toThrow(
    'waited 5 ms for: an answer; last seen: Error: the look at the fact did not end',
  );
});
