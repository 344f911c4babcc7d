import { expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (...path: string[]): string => readFileSync(join(import.meta.dirname, ...path), 'utf8');

test('prints what the README says', async () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    await import('./main.js');
    expect(log.mock.calls).toEqual([
      ['undone', { seat: '12A' }],
      ['compensated', 'no room left'],
    ]);
  } finally {
    log.mockRestore();
  }
});

test('is the code in the README, ten lines of it', () => {
  const [, code = ''] = /```ts\n(import .*?runInProcess.*?)```/s.exec(read('../../README.md')) ?? [];
  expect(code).toBe(read('main.ts').replace(/^\/\/.*\n/, ''));
  expect(code.split('\n').filter(Boolean)).toHaveLength(10);
});
