import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { COMMAND_TYPE, type Command } from '@counterstep/protocol';
import { Deadline } from './deadline.js';
import { Pulse } from './pulse.js';

const command: Command = {
  specversion: '1.0',
  id: 'c',
  source: 'test',
  type: COMMAND_TYPE,
  sagaid: '01890000-0000-7000-8000-000000000001',
  workflow: 'w',
  step: 's',
  direction: 'forward',
  run: 1,
  attempt: 1,
  effectkey: 'k',
  worker: 'q.s',
  timeout: 30_000,
  replytoken: 't',
  data: {},
};

describe('the pulse of a handler', () => {
  let now = 0;
  let sent: { attempt: number; undoData: unknown }[] = [];
  let troubles: unknown[] = [];
  let deadline: Deadline;
  let newest: Command;
  let send: (command: Command, undoData: unknown) => Promise<void>;
  let pulse: Pulse;

  beforeEach(() => {
    [now, sent, troubles, newest] = [0, [], [], command];
    deadline = new Deadline();
    deadline.begin(30_000);
    send = () => Promise.resolve();
    pulse = new Pulse({
      command: () => newest,
      deadline,
      send: (of, undoData) => {
        sent.push({ attempt: of.attempt, undoData });
        return send(of, undoData);
      },
      onTrouble: (error) => troubles.push(error),
      now: () => now,
    });
  });
  afterEach(() => deadline.clear());
  const told = (): unknown[] => sent.map(({ undoData }) => undoData);

  test('without undo data at most one in a third of the timeout is sent', async () => {
    for (now = 0; now < 30_000; now += 1_000) await pulse.beat();
    expect(sent).toHaveLength(3);
  });

  test('each new value of the undo data is sent, whatever was sent before', async () => {
    await pulse.beat();
    for (const undoData of [{ page: 1 }, { page: 2 }, { page: 2 }, null, null, { page: 1 }])
      await pulse.beat(undoData);
    expect(told()).toEqual([undefined, { page: 1 }, { page: 2 }, null, { page: 1 }]);
  });

  test('undo data are a sign of life too, and a value told again is one when it is due', async () => {
    await pulse.beat({ page: 1 });
    now = 9_999;
    await pulse.beat({ page: 1 });
    await pulse.beat();
    expect(sent).toHaveLength(1);
    now = 10_000;
    await pulse.beat({ page: 1 });
    expect(told()).toEqual([{ page: 1 }, undefined]);
  });

  test('the newest attempt that is served is the one that lives', async () => {
    await pulse.beat();
    newest = { ...command, attempt: 2, timeout: 3_000 };
    now = 1_000;
    await pulse.beat();
    expect(sent.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  test('a sign of life waits for nobody, and its failure is told but not thrown', async () => {
    let fail: (error: Error) => void = () => undefined;
    send = () => new Promise((_, reject) => (fail = reject));
    await pulse.beat();
    fail(new Error('closed'));
    await new Promise(setImmediate);
    expect(troubles).toMatchObject([{ message: 'closed' }]);
  });

  test('undo data wait for the broker, but not longer than the handler may run', async () => {
    send = () => new Promise(() => undefined);
    const beating = pulse.beat({ page: 1 });
    deadline.abort(new Error('cancelled'));
    await expect(beating).rejects.toThrow('cancelled');
    expect(troubles).toHaveLength(1);
  });

  test('undo data that were not sent are sent when they are told again', async () => {
    send = () => Promise.reject(new Error('too large'));
    await expect(pulse.beat({ page: 1 })).rejects.toThrow('too large');
    send = () => Promise.resolve();
    await pulse.beat({ page: 1 });
    expect(told()).toEqual([{ page: 1 }, { page: 1 }]);
  });

  test.each<[string, unknown]>([
    ['text that cannot be stored', { ref: 'a\u0000b' }],
    ['a number without JSON', { big: 5n }],
    ['no value at all', () => undefined],
    ['a number that is none', { rate: NaN }],
  ])('%s is refused before it is sent', async (_, undoData) => {
    await expect(pulse.beat(undoData)).rejects.toMatchObject({ code: 'UNDO_DATA_INVALID' });
    expect(sent).toEqual([]);
  });

  test('after the signal was aborted only undo data are sent', async () => {
    deadline.abort(new Error('cancelled'));
    await pulse.beat();
    await pulse.beat({ page: 1 });
    expect(told()).toEqual([{ page: 1 }]);
  });

  test('what a handler that has ended left ticking is not sent', async () => {
    pulse.end();
    await pulse.beat();
    await pulse.beat({ page: 1 });
    expect(sent).toEqual([]);
  });
});
