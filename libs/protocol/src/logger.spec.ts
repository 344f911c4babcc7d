import { expect, test } from '@jest/globals';
import { carefully, type Logger } from './index.js';

const all = (tell: (...told: unknown[]) => unknown): Logger => ({
  debug: tell,
  info: tell,
  warn: tell,
  error: tell,
});
const levels = ['debug', 'info', 'warn', 'error'] as const;

test.each(levels)('what a logger throws at %s goes nowhere', (level) => {
  const logger = carefully(
    all(() => {
      throw new Error('the disk is full');
    }),
  );
  expect(logger[level]('text')).toBeUndefined();
});

test('nor does what an asynchronous one rejects with', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  carefully(all(() => Promise.reject(new Error('the disk is full')))).info('text');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('one that does not throw is told all, as a method of its own', () => {
  class Lines {
    readonly lines: unknown[] = [];
    readonly debug = (...told: unknown[]): void => void this.lines.push(told);
    readonly info = this.debug;
    readonly error = this.debug;
    warn(...told: unknown[]): void {
      this.lines.push(told);
    }
  }
  const told = new Lines();
  carefully(told).warn('slow', { ms: 5 });
  carefully(told).info('text');
  expect(told.lines).toEqual([
    ['slow', { ms: 5 }],
    ['text', undefined],
  ]);
});

test('where there is none, or not at that level, nothing is told', () => {
  carefully().error('text');
  expect(carefully({} as Logger).error('text')).toBeUndefined();
});
