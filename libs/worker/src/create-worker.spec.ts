import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import {
  NonRetryable,
  StepRejected,
  WorkerConfigError,
  compensationHandler,
  createWorker,
  stepHandler,
  withUndoData,
  type Handler,
  type StepContext,
  type Worker,
  type WorkerOptions,
} from './index.js';

const barrier = 'none';

describe('createWorker over a bus', () => {
  let bus: MemoryBus;
  let client: CommandClient;
  let worker: Worker | undefined;

  beforeEach(async () => {
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments', 'process_payment']);
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await bus.close();
  });
  const serve = async (handlers: Handler[], more: Partial<WorkerOptions> = {}): Promise<Worker> => {
    worker = createWorker({ bus, handlers, ...more });
    await worker.start();
    await worker.ready();
    return worker;
  };

  test('a reply repeats what the command was known by, and carries output and undo data', async () => {
    await serve([
      stepHandler(
        'payments.charge',
        {
          barrier,
          input: z.object({ amount: z.number() }),
          output: z.object({ id: z.string(), currency: z.string().default('EUR') }),
        },
        async (input) => withUndoData({ id: `c-${input.amount}` }, { ref: 9 }),
      ),
    ]);
    const command = client.command(
      'payments.charge',
      { amount: 5 },
      { attempt: 3, traceparent: '00-ab-cd-01' },
    );
    expect(await client.ask(command)).toEqual({
      specversion: '1.0',
      id: `${command.id}/reply`,
      source: 'counterstep-worker',
      type: 'counterstep.reply.v1',
      sagaid: command.sagaid,
      step: 'charge',
      direction: 'forward',
      run: 1,
      attempt: 3,
      effectkey: command.effectkey,
      worker: 'payments.charge',
      replytoken: command.replytoken,
      traceparent: '00-ab-cd-01',
      outcome: 'succeeded',
      data: { output: { id: 'c-5', currency: 'EUR' }, undoData: { ref: 9 } },
    });
  });

  test('the context tells what is being served', async () => {
    let seen: Partial<StepContext> = {};
    await serve([
      stepHandler('payments.charge', { barrier }, (_input, context) => {
        const { sagaId, step, run, attempt, direction, effectKey, traceparent, signal } = context;
        seen = { sagaId, step, run, attempt, direction, effectKey, traceparent };
        return { aborted: signal.aborted };
      }),
    ]);
    const traceparent = '00-ab-cd-01';
    const command = client.command('payments.charge', {}, { run: 2, attempt: 4, traceparent });
    expect(await client.ask(command)).toMatchObject({ data: { output: { aborted: false } } });
    expect(seen).toEqual({
      sagaId: command.sagaid,
      step: 'charge',
      run: 2,
      attempt: 4,
      direction: 'forward',
      effectKey: command.effectkey,
      traceparent,
    });
  });

  test('what a handler tells while it runs reaches the sink', async () => {
    const told: unknown[] = [];
    await serve(
      [
        stepHandler('payments.charge', { barrier }, (_input, context) => {
          context.setProgress(1, 4);
          context.log('sent', { to: 'bank' }, 'a.txt');
          context.setMetrics({ bytes: 7 }, 'net');
        }),
      ],
      {
        sink: {
          progress: (_, ...rest) => told.push(['progress', ...rest]),
          log: (_, ...rest) => told.push(['log', ...rest]),
          metrics: (_, ...rest) => told.push(['metrics', ...rest]),
        },
      },
    );
    await client.ask(client.command('payments.charge', {}));
    expect(told).toEqual([
      ['progress', 1, 4, 'charge'],
      ['log', 'sent', { to: 'bank' }, 'a.txt'],
      ['metrics', { bytes: 7 }, 'net'],
    ]);
  });

  test.each<[string, unknown, object]>([
    [
      'StepRejected is rejected',
      new StepRejected({ code: 'NO_FUNDS', message: 'no funds' }),
      {
        outcome: 'rejected',
        data: { error: { code: 'NO_FUNDS', message: 'no funds', retryable: false } },
      },
    ],
    [
      'NonRetryable is failed and not to be tried again',
      new NonRetryable({ code: 'CLOSED', message: 'closed' }),
      { outcome: 'failed', data: { error: { code: 'CLOSED', message: 'closed', retryable: false } } },
    ],
    [
      'any other error is failed and may be tried again',
      Object.assign(new Error('boom'), { code: 'E_BOOM' }),
      { outcome: 'failed', data: { error: { code: 'E_BOOM', message: 'boom', retryable: true } } },
    ],
    [
      'something thrown that is no error is failed',
      { status: 'odd', message: 'bad\u0000text' },
      {
        outcome: 'failed',
        data: { error: { code: 'HANDLER_FAILED', message: 'badtext', retryable: true } },
      },
    ],
  ])('%s', async (_, thrown, expected) => {
    await serve([
      stepHandler('payments.charge', { barrier }, () => {
        throw thrown;
      }),
    ]);
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject(expected);
  });

  test('input that fails the schema is rejected with the paths, and the handler does not run', async () => {
    let ran = false;
    await serve([
      stepHandler(
        'payments.charge',
        { barrier, input: z.object({ card: z.object({ no: z.string() }) }) },
        () => {
          ran = true;
        },
      ),
    ]);
    const reply = await client.ask(client.command('payments.charge', { card: { no: 5 } }));
    expect(reply).toMatchObject({ outcome: 'rejected', data: { error: { code: 'INPUT_INVALID' } } });
    expect(reply.data.error?.message).toContain('card.no');
    expect(ran).toBe(false);
  });

  test.each<[string, unknown]>([
    ['fails the schema', { id: 5 }],
    ['cannot be stored', { id: 'a\u0000b' }],
    ['is not JSON', { id: 'x', big: 5n }],
  ])('output that %s is a failure', async (_, output) => {
    await serve([
      stepHandler(
        'payments.charge',
        { barrier, output: z.looseObject({ id: z.string() }) },
        () => output as never,
      ),
    ]);
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'OUTPUT_INVALID', retryable: true } },
    });
  });

  test('a name that no handler has is a failure that is not tried again', async () => {
    await serve([stepHandler('payments.charge', { barrier }, () => ({}))]);
    expect(await client.ask(client.command('payments.chrage', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'UNKNOWN_WORKER', retryable: false } },
    });
  });

  test('a command that demands another barrier is rejected', async () => {
    await serve([stepHandler('payments.charge', { barrier }, () => ({}))]);
    const command = client.command('payments.charge', {}, { barrier: 'transaction' });
    expect(await client.ask(command)).toMatchObject({
      outcome: 'rejected',
      data: { error: { code: 'BARRIER_MISMATCH' } },
    });
  });

  test('a compensation is told what happened, with the types of its schemas', async () => {
    const input = z.object({ amount: z.number() });
    const output = z.object({ id: z.string() });
    await serve([
      stepHandler('payments.charge', { barrier, input, output }, () => ({ id: 'c1' })),
      compensationHandler('payments.refund', { barrier, input, output }, (undo) => ({
        refunded: undo.input.amount,
        charge: undo.output?.id,
        outcome: undo.outcome,
      })),
    ]);
    const forward = client.command('payments.charge', { amount: 5 });
    const undo = client.undoOf(forward, 'payments.refund', 'succeeded', { output: { id: 'c1' } });
    expect(await client.ask(undo)).toMatchObject({
      outcome: 'succeeded',
      direction: 'undo',
      data: { output: { refunded: 5, charge: 'c1', outcome: 'succeeded' } },
    });
  });

  test('names without a dot work: the compensation travels on the queue of its action', async () => {
    await serve([
      stepHandler('process_payment', { barrier }, () => ({ id: 1 })),
      compensationHandler('refund_payment', { barrier }, () => ({ refunded: true })),
    ]);
    const forward = client.command('process_payment', {});
    expect(await client.ask(forward)).toMatchObject({ data: { output: { id: 1 } } });
    const undo = client.undoOf(forward, 'refund_payment', 'succeeded');
    expect(await client.ask(undo, 'process_payment')).toMatchObject({ data: { output: { refunded: true } } });
  });

  test('a duplicate of a running command shares its run, and both are answered under their own attempt', async () => {
    let runs = 0;
    const gate = gateOf();
    await serve([
      stepHandler('payments.charge', { barrier }, async () => {
        runs += 1;
        await gate.opened;
        return { runs };
      }),
      stepHandler('payments.marker', { barrier }, () => ({})),
    ]);
    const first = client.command('payments.charge', {});
    const second = client.command('payments.charge', {}, { attempt: 2 });
    await client.send(first);
    await client.send(second);
    // The partition is read in order: when the marker is answered, both commands have been taken.
    await client.ask(client.command('payments.marker', {}));
    gate.open();
    const replies = await Promise.all(
      [1, 2].map((n) => client.reply((r) => r.step === 'charge' && r.attempt === n)),
    );
    expect(replies.map((reply) => reply.data.output)).toEqual([{ runs: 1 }, { runs: 1 }]);
  });

  test('no more commands run at once than the worker is allowed', async () => {
    let running = 0;
    let most = 0;
    const gate = gateOf();
    const full = gateOf();
    await serve(
      [
        stepHandler('payments.charge', { barrier }, async () => {
          running += 1;
          most = Math.max(most, running);
          if (running === 2) full.open();
          await gate.opened;
          running -= 1;
        }),
      ],
      { concurrency: 2 },
    );
    const commands = Array.from({ length: 6 }, (_, i) =>
      client.command('payments.charge', {}, { step: `s${i}` }),
    );
    for (const command of commands) await client.send(command);
    await full.opened;
    expect(worker?.health()).toMatchObject({ ready: true });
    gate.open();
    await Promise.all(commands.map((c) => client.reply((reply) => reply.effectkey === c.effectkey)));
    expect(most).toBe(2);
  });

  test('an output too large for the broker becomes a failed reply', async () => {
    await serve([stepHandler('payments.charge', { barrier }, () => ({ blob: 'x'.repeat(2_000_000) }))]);
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'REPLY_TOO_LARGE', retryable: false } },
    });
  });

  test('the signal is aborted at the attempt’s deadline', async () => {
    await serve([
      stepHandler('payments.charge', { barrier }, async (_input, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason;
      }),
    ]);
    const reply = await client.ask(client.command('payments.charge', {}, { timeout: 10 }));
    expect(reply).toMatchObject({ outcome: 'failed', data: { error: { code: 'HANDLER_FAILED' } } });
  });

  test('stop lets what runs end and be answered, and takes nothing new', async () => {
    const gate = gateOf();
    const entered = gateOf();
    const served = await serve([
      stepHandler('payments.charge', { barrier }, async () => {
        entered.open();
        await gate.opened;
        return { ended: true };
      }),
    ]);
    await client.send(client.command('payments.charge', {}));
    await entered.opened;
    const stopped = served.stop();
    expect(served.health()).toMatchObject({ ready: false, reason: 'the worker stops' });
    const late = client.command('payments.charge', {}, { step: 'late' });
    await client.send(late);
    gate.open();
    await stopped;
    expect(await client.reply((reply) => reply.step === 'charge')).toMatchObject({ outcome: 'succeeded' });
    // What was not taken is delivered to the next member of the group, and what was answered is not.
    await serve([stepHandler('payments.charge', { barrier }, () => ({ second: true }))]);
    expect(await client.reply((reply) => reply.step === 'late')).toMatchObject({
      data: { output: { second: true } },
    });
    expect(client.replies).toHaveLength(2);
  });

  test('a handler that outlives the drain has its signal aborted', async () => {
    const entered = gateOf();
    let reason: unknown;
    const served = await serve(
      [
        stepHandler('payments.charge', { barrier }, async (_input, { signal }) => {
          entered.open();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          reason = signal.reason;
        }),
      ],
      { drainMs: 0 },
    );
    await client.send(client.command('payments.charge', {}));
    await entered.opened;
    await served.stop();
    expect(reason).toMatchObject({ code: 'WORKER_STOPPED' });
  });

  test.each<[string, () => Handler[]]>([
    [
      'two handlers of one name',
      () => [stepHandler('a.b', { barrier }, () => ({})), stepHandler('a.b', { barrier }, () => ({}))],
    ],
    ['a lone compensation without a queue', () => [compensationHandler('refund', { barrier }, () => ({}))]],
    ['a barrier without a database', () => [stepHandler('a.b', { barrier: 'transaction' }, () => ({}))]],
  ])('%s: refused when the worker is made', (_, handlers) => {
    expect(() => createWorker({ bus, handlers: handlers() })).toThrow(WorkerConfigError);
  });

  test.each<[what: string, handlers: unknown, message: RegExp]>([
    ['an empty list', [], /^a worker needs handlers: pass a list of what stepHandler/],
    ['a map of functions', { 'a.b': () => ({}) }, /`handlers` is no list: pass a list/],
    [
      'a list of functions',
      [stepHandler('a.b', { barrier }, () => ({})), () => ({})],
      /^handlers\[1\] is no handler/,
    ],
  ])('%s in place of handlers: the error says what to pass', (_, handlers, message) => {
    const make = () => createWorker({ bus, handlers: handlers as Handler[] });
    expect(make).toThrow(WorkerConfigError);
    expect(make).toThrow(message);
  });

  test('a handler without its function, or of an unknown barrier mode, is refused when it is made, by its name', () => {
    const untyped = stepHandler as unknown as (...given: unknown[]) => Handler;
    const [missing, unknown] = [/a\.b: the function is missing/, /a\.b: barrier is tx; use transaction/];
    expect(() => untyped('a.b', () => ({}))).toThrow(missing);
    expect(() => untyped('a.b', { barrier: 'tx' }, () => ({}))).toThrow(unknown);
  });
});

function gateOf(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
