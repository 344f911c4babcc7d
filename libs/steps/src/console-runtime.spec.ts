import { describe, expect, test } from '@jest/globals';
import { ConsoleRuntimeContext } from './index.js';
import type { ConsoleOutput } from './index.js';

class Screen implements ConsoleOutput {
  text = '';
  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.text += text;
  }
  /** What stands on it: what was erased or written over is gone. */
  get lines(): string[] {
    const shown = this.text.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '');
    return shown.at(-1) === '' ? shown.slice(0, -1) : shown;
  }
}

const isTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('a runtime that writes elsewhere than to a terminal', () => {
  function written(use: (runtime: ConsoleRuntimeContext) => void): unknown[] {
    const output = new Screen(false);
    use(new ConsoleRuntimeContext({ output }));
    expect(output.text).toMatch(/\n$|^$/);
    return output.lines.map((line) => JSON.parse(line) as unknown);
  }

  test('prints one JSON object per line', () => {
    const lines = written((runtime) => {
      runtime.log('found', { files: 3 }, 'a.txt');
      runtime.log('two\nlines', {});
      runtime.setMetrics({ loss: 0.5 }, 'train');
      runtime.setProgress(1, 4, 'upload');
    });
    expect(lines).toEqual([
      { time: isTime, type: 'log', event: 'found', data: { files: 3 }, file: 'a.txt' },
      { time: isTime, type: 'log', event: 'two\nlines', data: {} },
      { time: isTime, type: 'metrics', category: 'train', values: { loss: 0.5 } },
      { time: isTime, type: 'progress', category: 'upload', percent: 25, current: 1, total: 4 },
    ]);
  });

  test('prints progress only when the whole percent of its category changes', () => {
    const lines = written((runtime) => {
      for (let current = 1; current <= 10_000; current += 1) {
        runtime.setProgress(current, 10_000, 'a');
        runtime.setProgress(1, 2, 'b');
      }
    });
    expect(lines).toHaveLength(102);
    expect(lines.at(-1)).toMatchObject({ category: 'a', percent: 100, current: 10_000 });
  });

  test.each<[number, number, number]>([
    [-1, 4, 0],
    [9, 4, 100],
    [1, 0, 0],
    [1, -4, 0],
    [NaN, 4, 0],
    [1, NaN, 0],
  ])('shows %p of %p as %p percent', (current, total, percent) => {
    expect(written((runtime) => runtime.setProgress(current, total))).toEqual([
      expect.objectContaining({ category: 'progress', percent }),
    ]);
  });

  test('prints what JSON cannot hold as well as it can, and never throws', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const lines = written((runtime) => {
      runtime.log('odd', { big: 10n, error: new RangeError('too far') });
      runtime.log('circle', circle);
    });
    expect(lines).toEqual([
      expect.objectContaining({ data: { big: '10', error: { name: 'RangeError', message: 'too far' } } }),
      { notShown: expect.stringContaining('circular') },
    ]);
  });
});

describe('a runtime that writes to a terminal', () => {
  const bar = (full: number) => `[${'#'.repeat(full)}${'-'.repeat(30 - full)}]`;

  test('draws a bar that moves, and leaves it when it is full', () => {
    const output = new Screen(true, 80);
    const runtime = new ConsoleRuntimeContext({ output });
    runtime.setProgress(1, 2, 'upload');
    expect(output.lines).toEqual([`${bar(15)}  50% upload 1/2`]);
    runtime.setProgress(2, 2, 'upload');
    runtime.setProgress(0, 3, 'check');
    expect(output.lines).toEqual([`${bar(30)} 100% upload 2/2`, `${bar(0)}   0% check 0/3`]);
  });

  test('keeps a bar for each category in turn', () => {
    const output = new Screen(true);
    const runtime = new ConsoleRuntimeContext({ output });
    runtime.setProgress(1, 3, 'a');
    runtime.setProgress(1, 3, 'b');
    runtime.setProgress(2, 3, 'b');
    expect(output.lines).toEqual([`${bar(10)}  33% a 1/3`, `${bar(20)}  66% b 2/3`]);
  });

  test('writes what is logged above the bar', () => {
    const output = new Screen(true);
    const runtime = new ConsoleRuntimeContext({ output });
    runtime.log('began', { files: 3 }, 'a.txt');
    runtime.setProgress(1, 2, 'upload');
    runtime.log('retried', { file: 'b' });
    runtime.setMetrics({ bytes: 10 }, 'upload');
    runtime.setMetrics({ bytes: 20 });
    expect(output.lines).toEqual([
      'began {"files":3} a.txt',
      'retried {"file":"b"}',
      'upload {"bytes":10}',
      'metrics {"bytes":20}',
      `${bar(15)}  50% upload 1/2`,
    ]);
  });

  test('begins a new line at the end, once, so that other output does not stand beside the bar', () => {
    const output = new Screen(true);
    const runtime = new ConsoleRuntimeContext({ output });
    runtime.end();
    expect(output.text).toBe('');
    runtime.setProgress(1, 2, 'upload');
    runtime.end();
    runtime.end();
    runtime.log('failed', {});
    expect(output.lines).toEqual([`${bar(15)}  50% upload 1/2`, 'failed {}']);
  });

  test('never draws a bar that would wrap', () => {
    const output = new Screen(true, 20);
    new ConsoleRuntimeContext({ output }).setProgress(1, 2, 'upload');
    expect(output.lines[0]).toHaveLength(19);
  });

  test('draws on a terminal that does not know its width', () => {
    const output = new Screen(true, 0);
    new ConsoleRuntimeContext({ output }).setProgress(1, 2, 'upload');
    expect(output.lines).toEqual([expect.stringMatching(/ 50% upload 1\/2$/)]);
  });

  test('does not let a name move the cursor', () => {
    const output = new Screen(true);
    const runtime = new ConsoleRuntimeContext({ output });
    runtime.log('a\u001b[2Jb', {}, 'c\nd');
    runtime.setProgress(1, 2, '\u001b[2J');
    expect(output.text).not.toContain('\u001b[2J');
    expect(output.lines[0]).toBe('a?[2Jb {} c?d');
  });
});

describe('what a console runtime brings along', () => {
  test('is the environment and the client that it is given', () => {
    const client = { uploadFile: async () => 7, deleteFile: async () => {} };
    const runtime = new ConsoleRuntimeContext({ env: { HOME: '/home' }, client });
    expect(runtime.env).toEqual({ HOME: '/home' });
    expect(runtime.client).toBe(client);
  });

  test('is an empty environment and a client that says that there is none', async () => {
    const runtime = new ConsoleRuntimeContext();
    expect(runtime.env).toEqual({});
    await expect(runtime.client.uploadFile('a')).rejects.toThrow('has no file client');
    await expect(runtime.client.deleteFile('a')).rejects.toThrow('has no file client');
  });
});
