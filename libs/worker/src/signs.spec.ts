import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import {
  NonRetryable,
  StepRejected,
  compensationHandler,
  createWorker,
  stepHandler,
  type Handler,
  type StepContext,
  type Worker,
  type WorkerOptions,
} from './index.js';

const barrier = 'none';

let bus: MemoryBus;
let client: CommandClient;
const workers: Worker[] = [];

beforeEach(async () => {
  bus = new MemoryBus();
  client = await CommandClient.open(bus, ['payments']);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await bus.close();
});
const serve = async (handlers: Handler[], more: Partial<WorkerOptions> = {}): Promise<void> => {
  const worker = createWorker({ bus, handlers, ...more });
  workers.push(worker);
  await worker.start();
  await worker.ready();
};

describe('heartbeats of a handler', () => {
  test('say whose they are, and carry the undo data', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, { heartbeat }) => {
        await heartbeat({ page: 1 });
      }),
    ]);
    const command = client.command('payments.charge', {}, { attempt: 2, traceparent: '00-ab-cd-01' });
    await client.ask(command);
    const { id, ...rest } = await client.heartbeat(() => true);
    expect(id).toContain(`${command.id}/heartbeat/`);
    expect(rest).toEqual({
      specversion: '1.0',
      source: 'counterstep-worker',
      type: 'counterstep.heartbeat.v1',
      sagaid: command.sagaid,
      step: 'charge',
      direction: 'forward',
      run: 1,
      attempt: 2,
      effectkey: command.effectkey,
      worker: 'payments.charge',
      replytoken: command.replytoken,
      traceparent: '00-ab-cd-01',
      data: { undoData: { page: 1 } },
    });
  });

  test('are on the topic of the replies before the reply, when the handler waited for them', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, { heartbeat }) => {
        await heartbeat({ page: 1 });
        throw new Error('crashed after its effect');
      }),
    ]);
    const reply = client.reply(() => true).then(() => client.heartbeats.length);
    await client.send(client.command('payments.charge', {}));
    expect(await reply).toBe(1);
  });

  test('an undo can have some too', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, () => ({})),
      compensationHandler('payments.refund', { barrier }, async (_undo, { heartbeat }) => {
        await heartbeat();
        await heartbeat({ refunded: 3 });
      }),
    ]);
    const forward = client.command('payments.charge', {});
    await client.ask(client.undoOf(forward, 'payments.refund', 'succeeded'));
    await client.heartbeat(({ data }) => data.undoData !== undefined);
    expect(client.heartbeats.map(({ direction, data }) => [direction, data])).toEqual([
      ['undo', {}],
      ['undo', { undoData: { refunded: 3 } }],
    ]);
  });

  test('keep the signal of their own attempt from being aborted', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, { heartbeat, signal }) => {
        const began = performance.now();
        while (performance.now() - began < 1_300 && !signal.aborted) {
          await heartbeat();
          await new Promise(setImmediate);
        }
        return { aborted: signal.aborted };
      }),
    ]);
    const command = client.command('payments.charge', {}, { timeout: 1_000 });
    expect(await client.ask(command)).toMatchObject({ data: { output: { aborted: false } } });
  });

  test('that nobody waits for do not end the process, and undo data that are none fail the step', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, (_input, { heartbeat }) => {
        void heartbeat({ bad: 'a\u0000b' });
      }),
      stepHandler('payments.waits', { barrier }, (_input, { heartbeat }) => heartbeat({ bad: 5n })),
      stepHandler('payments.blob', { barrier }, (_input, { heartbeat }) =>
        heartbeat({ blob: 'x'.repeat(2_000_000) }),
      ),
    ]);
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({ outcome: 'succeeded' });
    expect(await client.ask(client.command('payments.waits', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'UNDO_DATA_INVALID', retryable: true } },
    });
    expect(await client.ask(client.command('payments.blob', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'HEARTBEAT_TOO_LARGE', retryable: false } },
    });
    expect(client.heartbeats).toEqual([]);
  });

  test('are those of the newest attempt that shares the run, and none come after the end', async () => {
    let context: StepContext | undefined;
    const [entered, gate] = [gateOf(), gateOf()];
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, given) => {
        context = given;
        entered.open();
        await gate.opened;
      }),
      stepHandler('payments.marker', { barrier }, () => ({})),
    ]);
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered.opened;
    await client.send({ ...command, attempt: 2 });
    await client.send({ ...command, attempt: 1 });
    await client.ask(client.command('payments.marker', {}));
    await context?.heartbeat({ page: 1 });
    expect((await client.heartbeat(() => true)).attempt).toBe(2);
    gate.open();
    await client.reply((reply) => reply.step === 'charge' && reply.attempt === 2);
    await context?.heartbeat({ page: 2 });
    await client.ask(client.command('payments.marker', {}, { step: 'second' }));
    expect(client.heartbeats).toHaveLength(1);
  });
});

describe('a notice', () => {
  /** Serves a handler that waits for its signal and throws what `how` makes of the signal's reason. */
  const serveWaiting = async (how: (reason: unknown) => unknown, more: Partial<WorkerOptions> = {}) => {
    const entered = gateOf();
    const seen: unknown[] = [];
    await serve(
      [
        stepHandler('payments.charge', { barrier }, async (_input, { signal }) => {
          entered.open();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          seen.push(signal.reason);
          throw how(signal.reason);
        }),
        stepHandler('payments.marker', { barrier }, () => ({})),
      ],
      more,
    );
    return { entered, seen };
  };

  test.each([
    ['cancelled', 'CANCELLED'],
    ['superseded', 'SUPERSEDED'],
  ] as const)('%s aborts the handler, which ends as failed and is not tried again', async (reason, code) => {
    const { entered, seen } = await serveWaiting((thrown) => thrown);
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered.opened;
    await client.notify(command, reason);
    expect(await client.reply(() => true)).toMatchObject({
      outcome: 'failed',
      data: { error: { code, retryable: false } },
    });
    expect(seen).toMatchObject([{ name: 'EffectCancelled', code }]);
  });

  test.each<[string, unknown, object]>([
    [
      'what a library throws when its signal is aborted',
      Object.assign(new Error('This operation was aborted'), { code: 'ABORT_ERR' }),
      {
        outcome: 'failed',
        data: {
          error: {
            code: 'CANCELLED',
            message: 'the saga is being undone: This operation was aborted',
            retryable: false,
          },
        },
      },
    ],
    [
      'a rejection: the handler knows that nothing happened',
      new StepRejected({ code: 'STOPPED', message: 'stopped in time' }),
      { outcome: 'rejected', data: { error: { code: 'STOPPED' } } },
    ],
    [
      'an error that says itself what it is',
      new NonRetryable({ code: 'HALF_DONE', message: 'half of it was done' }),
      { outcome: 'failed', data: { error: { code: 'HALF_DONE', retryable: false } } },
    ],
  ])('and a handler that throws %s', async (_, thrown, expected) => {
    const { entered } = await serveWaiting(() => thrown);
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered.opened;
    await client.notify(command, 'cancelled');
    expect(await client.reply(() => true)).toMatchObject(expected);
  });

  test('is advice: a handler that ends well has ended well', async () => {
    const [entered, gate] = [gateOf(), gateOf()];
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, { signal }) => {
        entered.open();
        await gate.opened;
        return { aborted: signal.aborted };
      }),
    ]);
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered.opened;
    await client.notify(command, 'cancelled');
    await heard(command.effectkey);
    gate.open();
    expect(await client.reply(() => true)).toMatchObject({
      outcome: 'succeeded',
      data: { output: { aborted: true } },
    });
  });

  test('of another effect, or one that cannot be read, changes nothing', async () => {
    const { entered, seen } = await serveWaiting((thrown) => thrown);
    const command = client.command('payments.charge', {});
    await client.send(command);
    await entered.opened;
    await client.notify({ ...command, effectkey: `${command.sagaid}/charge/2/forward` }, 'cancelled');
    const topic = 'counterstep.notices.payments';
    await bus.publish([{ topic, key: 'x', value: new TextEncoder().encode('{') }]);
    await heard(command.effectkey);
    expect(seen).toEqual([]);
    await client.notify(command, 'cancelled');
    await client.reply(() => true);
  });

  test('reaches the one worker of many that runs the handler', async () => {
    const all = [
      await serveWaiting((thrown) => thrown),
      await serveWaiting((thrown) => thrown),
      await serveWaiting((thrown) => thrown),
    ];
    const command = client.command('payments.charge', {});
    await client.send(command);
    await Promise.race(all.map(({ entered }) => entered.opened));
    await client.notify(command, 'cancelled');
    await client.reply(() => true);
    expect(all.flatMap(({ seen }) => seen)).toHaveLength(1);
  });

  test('of a command that waits for its slot: it is not run', async () => {
    const { entered, seen } = await serveWaiting((thrown) => thrown, { concurrency: 1 });
    const [running, waiting] = ['a', 'b'].map((step) => client.command('payments.charge', {}, { step }));
    if (!running || !waiting) throw new Error('two commands');
    await client.send(running);
    await entered.opened;
    await client.send(waiting);
    await heard(running.effectkey);
    await client.notify(waiting, 'cancelled');
    await client.notify(running, 'cancelled');
    expect(await client.reply((reply) => reply.step === 'b')).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'CANCELLED', retryable: false } },
    });
    expect(seen).toHaveLength(1);
  });

  /** Everything sent so far has been heard: a later message of each topic was. */
  async function heard(effectkey: string): Promise<void> {
    const marks = gateOf();
    const listener = bus.listen({
      topics: ['counterstep.notices.payments', 'counterstep.commands.payments'],
      onMessages: (messages) => {
        if (messages.some(({ value }) => String(Buffer.from(value ?? [])).includes('mark'))) marks.open();
      },
    });
    await listener.ready();
    const mark = client.command('payments.marker', {}, { effectkey: `mark of ${effectkey}` });
    await client.notify(mark, 'cancelled');
    await marks.opened;
    await listener.close();
  }
});

function gateOf(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
