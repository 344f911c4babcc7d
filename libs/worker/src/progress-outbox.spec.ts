import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OutgoingMessage, RefusedMessage } from '@counterstep/bus';
import {
  COMMAND_TYPE,
  PROGRESS_LIMITS,
  decodeMessage,
  progressMessageSchema,
  type Command,
  type ProgressMessage,
} from '@counterstep/protocol';
import { MAX_WAITING, ProgressOutbox, ROUND_MESSAGES, ROUND_MS } from './progress-outbox.js';

const sagaOf = (n: number): string => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`;

function command(saga = 1, over: Partial<Command> = {}): Command {
  const { step = 's', run = 1, attempt = 1 } = over;
  return {
    specversion: '1.0',
    id: 'c',
    source: 'test',
    type: COMMAND_TYPE,
    sagaid: sagaOf(saga),
    workflow: 'w',
    step,
    direction: 'forward',
    run,
    attempt,
    effectkey: `${sagaOf(saga)}/${step}/${run}/forward`,
    worker: 'q.s',
    timeout: 30_000,
    replytoken: 'token',
    data: {},
    ...over,
  };
}

/** Time that passes when a test says so. */
class Watch {
  time = 1_000_000;
  timers: { at: number; run: () => void }[] = [];
  now = (): number => this.time;
  after = (ms: number, run: () => void): void => {
    this.timers.push({ at: this.time + ms, run });
  };

  /** What is due runs at its time, and what follows from that too. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = next.at;
      next.run();
      await new Promise(setImmediate);
    }
    this.time = end;
  }
}

describe('the progress outbox', () => {
  let watch: Watch;
  let outbox: ProgressOutbox;
  /** The time of each call of `publish`, and what it was given. */
  let rounds: { at: number; messages: ProgressMessage[] }[];
  let publish: (messages: readonly OutgoingMessage[]) => Promise<RefusedMessage[]>;
  let warnings: string[];

  beforeEach(() => {
    watch = new Watch();
    rounds = [];
    warnings = [];
    publish = () => Promise.resolve([]);
    outbox = new ProgressOutbox({
      bus: {
        publish: (messages) => {
          rounds.push({ at: watch.time, messages: messages.map(read) });
          return publish(messages);
        },
      },
      topic: 't.progress',
      source: 'worker',
      logger: { debug() {}, info() {}, warn: (text) => warnings.push(text), error() {} },
      timing: watch,
    });
  });

  const read = ({ topic, key, value }: OutgoingMessage): ProgressMessage => {
    expect(value.byteLength).toBeLessThanOrEqual(PROGRESS_LIMITS.message);
    const decoded = decodeMessage(progressMessageSchema, value);
    if (!decoded.ok) throw new Error(decoded.reason);
    expect([topic, key]).toEqual(['t.progress', decoded.message.sagaid]);
    return decoded.message;
  };
  const sent = (): ProgressMessage[] => rounds.flatMap(({ messages }) => messages);

  test('sends nothing, and has no timer, as long as nobody tells anything', async () => {
    await watch.pass(10_000);
    await outbox.flush();
    expect([rounds, watch.timers]).toEqual([[], []]);
  });

  test('a message repeats what the command was known by, and carries what was told', async () => {
    const told = command(1, { attempt: 3, traceparent: '00-ab-cd-01' });
    outbox.progress(told, 1, 4, 's');
    outbox.metrics(told, { bytes: 7, at: { page: 2 } }, 'net');
    outbox.log(told, 'sent', { to: 'bank' }, 'a.txt');
    await watch.pass(ROUND_MS);
    const { sagaid, effectkey } = told;
    expect(sent()).toEqual([
      {
        specversion: '1.0',
        id: expect.stringMatching(/\/1$/),
        source: 'worker',
        type: 'counterstep.progress.v1',
        time: new Date(watch.time).toISOString(),
        sagaid,
        step: 's',
        direction: 'forward',
        run: 1,
        attempt: 3,
        effectkey,
        worker: 'q.s',
        replytoken: 'token',
        origin: expect.any(String),
        number: 1,
        traceparent: '00-ab-cd-01',
        data: {
          progress: [{ category: 's', current: 1, total: 4 }],
          metrics: [{ category: 'net', values: { bytes: 7, at: { page: 2 } } }],
          logs: [
            { at: new Date(1_000_000).toISOString(), event: 'sent', data: { to: 'bank' }, file: 'a.txt' },
          ],
        },
      },
    ]);
  });

  test('of what is told between two rounds the last value of each category is sent', async () => {
    for (let n = 0; n <= 1_000; n += 1) {
      outbox.progress(command(), n, 1_000, 's');
      outbox.progress(command(), n, 2_000, 'other');
      outbox.metrics(command(), { n }, 's');
    }
    await watch.pass(60_000);
    expect(sent().map(({ data }) => data)).toEqual([
      {
        progress: [
          { category: 's', current: 1_000, total: 1_000 },
          { category: 'other', current: 1_000, total: 2_000 },
        ],
        metrics: [{ category: 's', values: { n: 1_000 } }],
      },
    ]);
  });

  test('of one saga at most four messages a second are sent, whatever its handlers tell', async () => {
    for (let ms = 0; ms < 10_000; ms += 1) {
      outbox.progress(command(1, { step: ms % 2 ? 'a' : 'b' }), ms, 10_000, 's');
      await watch.pass(1);
    }
    expect(sent().length).toBeGreaterThanOrEqual(38);
    expect(sent().length).toBeLessThanOrEqual(40);
    // Neither handler is forgotten over the other.
    const steps = sent().map(({ step }) => step);
    expect(steps.filter((step) => step === 'a').length).toBeGreaterThanOrEqual(19);
    expect(steps.filter((step) => step === 'b').length).toBeGreaterThanOrEqual(19);
  });

  test('of all sagas a round sends so many, and those that wait have their turn in the next', async () => {
    for (let saga = 1; saga <= 60; saga += 1) outbox.progress(command(saga), 1, 2, 's');
    await watch.pass(ROUND_MS);
    expect(sent()).toHaveLength(ROUND_MESSAGES);
    await watch.pass(2 * ROUND_MS);
    expect(sent().map(({ sagaid }) => sagaid)).toEqual(
      Array.from({ length: 60 }, (_, index) => sagaOf(index + 1)),
    );
    for (const [index, { at }] of rounds.entries())
      if (index > 0) expect(at - (rounds[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(ROUND_MS);
  });

  test('the first lines of a flood are sent, with the number of the others', async () => {
    for (let n = 0; n < 10_000; n += 1) outbox.log(command(), `line ${n}`, {}, undefined);
    await watch.pass(ROUND_MS);
    const [{ data }] = sent() as [ProgressMessage];
    expect(data.logs).toHaveLength(PROGRESS_LIMITS.logs);
    expect(data.logs?.[0]).toMatchObject({ event: 'line 0' });
    expect(data.dropped).toBe(10_000 - PROGRESS_LIMITS.logs);
    outbox.log(command(), 'later', {}, undefined);
    await watch.pass(ROUND_MS);
    expect(sent()[1]?.data).toEqual({ logs: [expect.objectContaining({ event: 'later' })] });
  });

  test('long lines are cut, and a message stays within its bytes', async () => {
    for (let n = 0; n < 50; n += 1)
      outbox.log(command(), 'e'.repeat(1_000), { text: 'ä'.repeat(100_000) }, 'f'.repeat(1_000));
    await watch.pass(ROUND_MS);
    const [{ data }] = sent() as [ProgressMessage];
    expect(data.logs?.length).toBeGreaterThan(5);
    expect(data.dropped).toBe(50 - (data.logs?.length ?? 0));
  });

  test('more categories than a message may have are dropped, and counted', async () => {
    for (let n = 0; n < 20; n += 1) outbox.progress(command(), n, 20, `c${n}`);
    await watch.pass(ROUND_MS);
    expect(sent()[0]?.data).toMatchObject({ dropped: 4 });
    expect(sent()[0]?.data.progress).toHaveLength(PROGRESS_LIMITS.categories);
  });

  test('while the broker is away one round is on its way, and the rest is put together', async () => {
    let confirm: (refused: RefusedMessage[]) => void = () => undefined;
    publish = () => new Promise((resolve) => (confirm = resolve));
    for (let ms = 0; ms < 600_000; ms += 500) {
      outbox.progress(command(), ms, 600_000, 's');
      outbox.log(command(), `at ${ms}`, {}, undefined);
      await watch.pass(500);
    }
    expect(sent().map(({ data }) => data.progress?.[0]?.current)).toEqual([0]);
    outbox.progress(command(), 599_500, 600_000, 's');
    expect(watch.timers).toEqual([]);
    publish = () => Promise.resolve([]);
    confirm([]);
    await new Promise(setImmediate);
    await watch.pass(ROUND_MS);
    const { data } = sent()[1] as ProgressMessage;
    expect(data.progress).toEqual([{ category: 's', current: 599_500, total: 600_000 }]);
    expect(data.logs).toHaveLength(PROGRESS_LIMITS.logs);
    expect(data.dropped).toBe(1_199 - PROGRESS_LIMITS.logs);
  });

  test('while the broker is away the words of so many handlers wait, the newest', async () => {
    let confirm: (refused: RefusedMessage[]) => void = () => undefined;
    publish = () => new Promise((resolve) => (confirm = resolve));
    outbox.progress(command(0), 1, 2, 's');
    await watch.pass(ROUND_MS);
    for (let saga = 1; saga <= MAX_WAITING + 500; saga += 1) outbox.progress(command(saga), 1, 2, 's');
    expect(warnings).toHaveLength(1);
    publish = () => Promise.resolve([]);
    confirm([]);
    await outbox.flush();
    const sagas = sent().map(({ sagaid }) => sagaid);
    expect(sagas).toHaveLength(1 + MAX_WAITING);
    expect(sagas.slice(0, 2)).toEqual([sagaOf(0), sagaOf(501)]);
  });

  test('what the broker refuses, or a closed bus does not take, is forgotten and nobody hears of it but the log', async () => {
    publish = (messages) =>
      Promise.resolve(
        messages.map((message) => ({ message, code: 'UNKNOWN_TOPIC', reason: 'no such topic' })),
      );
    for (let n = 0; n < 40; n += 1) {
      outbox.progress(command(), n, 40, 's');
      await watch.pass(ROUND_MS);
    }
    expect(warnings).toEqual(['progress of handlers is dropped: no such topic']);
    publish = () => Promise.reject(new Error('the bus is closed'));
    outbox.progress(command(), 1, 1, 's');
    await watch.pass(ROUND_MS);
    publish = () => {
      throw new Error('not even a promise');
    };
    outbox.progress(command(), 1, 1, 's');
    await watch.pass(ROUND_MS);
    publish = () => Promise.resolve([]);
    outbox.progress(command(), 2, 2, 's');
    await watch.pass(ROUND_MS);
    expect(sent().at(-1)?.data.progress).toEqual([{ category: 's', current: 2, total: 2 }]);
  });

  test('nothing that a handler passes makes it throw, and the next words are sent', async () => {
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trapped');
        },
      },
    );
    outbox.progress(command(), Number.NaN, Number.POSITIVE_INFINITY, 's');
    outbox.progress(command(), -5, 10, 's');
    outbox.log(command(), 'e', trap, undefined);
    outbox.metrics(command(), trap, 's');
    outbox.metrics(
      command(),
      {
        get bad(): never {
          throw new Error('no');
        },
      },
      's',
    );
    await watch.pass(ROUND_MS);
    expect(sent().map(({ data }) => data)).toEqual([
      { progress: [{ category: 's', current: 0, total: 10 }], dropped: 4 },
    ]);
  });

  test('the newest attempt is named, whoever told first', async () => {
    outbox.progress(command(1, { attempt: 1 }), 1, 4, 's');
    outbox.progress(command(1, { attempt: 2 }), 2, 4, 's');
    await watch.pass(ROUND_MS);
    expect(sent()).toMatchObject([{ attempt: 2, data: { progress: [{ current: 2 }] } }]);
  });

  test('what is left is sent when the worker stops', async () => {
    for (const step of ['a', 'b', 'c']) outbox.progress(command(1, { step }), 1, 1, 's');
    await outbox.flush();
    expect(sent().map(({ step }) => step)).toEqual(['a', 'b', 'c']);
    expect(sent().map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  test('whatever is told and whenever, no rate is exceeded and each category ends with its last value', async () => {
    const words = fc.array(
      fc.record({
        saga: fc.integer({ min: 1, max: 40 }),
        step: fc.constantFrom('a', 'b'),
        category: fc.constantFrom('x', 'y'),
        current: fc.integer({ min: 0, max: 9 }),
        pause: fc.integer({ min: 0, max: 200 }),
      }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        rounds = [];
        const last = new Map<string, number>();
        for (const { saga, step, category, current, pause } of list) {
          outbox.progress(command(saga, { step }), current, 9, category);
          last.set(`${sagaOf(saga)} ${step} ${category}`, current);
          await watch.pass(pause);
        }
        await watch.pass(20 * ROUND_MS);
        const shown = new Map<string, number>();
        for (const { sagaid, step, data } of sent())
          for (const { category, current } of data.progress ?? [])
            shown.set(`${sagaid} ${step} ${category}`, current);
        expect(new Map([...shown].sort())).toEqual(new Map([...last].sort()));
        for (const { messages } of rounds) {
          expect(messages.length).toBeLessThanOrEqual(ROUND_MESSAGES);
          expect(new Set(messages.map(({ sagaid }) => sagaid)).size).toBe(messages.length);
        }
      }),
      { numRuns: 50 },
    );
  });
});
