import { describe, expect, it } from '@jest/globals';
import { readArguments } from '../../../bench/arguments.js';

const known = ['W1', 'W2', 'W3'];

describe('the arguments of npm run bench', () => {
  it('ask for everything once when there are none', () => {
    expect(readArguments([], known)).toEqual({ names: known, repeats: 1, scale: 1, run: undefined });
  });

  it('name workloads, repeats and a run to go on with', () => {
    const given = ['W3', 'W1', '--repeats', '5', '--scale', '0.5', '--run', 'a'];
    expect(readArguments(given, known)).toEqual({ names: ['W3', 'W1'], repeats: 5, scale: 0.5, run: 'a' });
  });

  it.each([
    [['W4'], 'unknown: W4; there are W1, W2, W3'],
    [['--repeats', '0'], '--repeats'],
    [['--repeats', 'many'], '--repeats'],
    [['--scale', '-1'], '--scale'],
    [['--often'], '--often'],
  ])('refuse %j', (given, message) => {
    expect(() => readArguments(given, known)).toThrow(message);
  });
});
