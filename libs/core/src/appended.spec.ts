import { expect, test } from '@jest/globals';
import { appended } from './appended.js';

test('a list with one more item, and another one behind it', () => {
  const none: string[] = [];
  const one = appended(none, 'a');
  expect(one).toEqual(['a']);
  // It may be one that others begin with too.
  expect(none).toEqual([]);
  expect(appended(one, 'b')).toEqual(['a', 'b']);
});
