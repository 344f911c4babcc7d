import { expect, test } from '@jest/globals';
import { retrying } from './retry.js';

const soon = { retries: 3, firstDelayMs: 1 };

test('work is tried again until it succeeds', async () => {
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    if (attempts < 4) throw new Error(`no ${attempts}`);
    return 'done';
  };
  expect(await retrying(soon, undefined, work)).toBe('done');
});

test('what the last attempt threw is thrown', async () => {
  let attempts = 0;
  const work = () => Promise.reject(new Error(`no ${(attempts += 1)}`));
  await expect(retrying(soon, undefined, work)).rejects.toThrow('no 4');
});

test('what says that it would fail again is not tried again', async () => {
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    throw Object.assign(new Error('never'), { retryable: false });
  };
  await expect(retrying(soon, undefined, work)).rejects.toThrow('never');
  expect(attempts).toBe(1);
});

test('a signal ends the wait for the next attempt', async () => {
  const stop = new AbortController();
  let attempts = 0;
  const work = async () => {
    attempts += 1;
    setImmediate(() => stop.abort(new Error('enough')));
    throw new Error('not yet');
  };
  const patient = { retries: 3, firstDelayMs: 1e9 };
  await expect(retrying(patient, stop.signal, work)).rejects.toThrow('enough');
  await expect(retrying(patient, stop.signal, work)).rejects.toThrow('enough');
  expect(attempts).toBe(1);
});
