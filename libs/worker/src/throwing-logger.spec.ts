import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import type { BarrierMode } from '@counterstep/protocol';
import {
  MemoryBarrier,
  StepRejected,
  createWorker,
  stepHandler,
  type Barrier,
  type Handler,
  type MemoryTransaction,
  type Worker,
  type WorkerLogger,
  type WorkerOptions,
} from './index.js';

const none = (): void => undefined;
const broken = (): never => {
  throw new Error('the disk is full');
};
const BROKEN: WorkerLogger = { debug: broken, info: broken, warn: broken, error: broken };
const BROKEN_DEBUG: WorkerLogger = { debug: broken, info: none, warn: none, error: none };

let bus: MemoryBus;
let client: CommandClient;
let worker: Worker | undefined;

beforeEach(async () => {
  bus = new MemoryBus();
  client = await CommandClient.open(bus, ['payments']);
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await bus.close();
});

async function serve(handler: Handler, options: Partial<WorkerOptions>): Promise<Worker> {
  worker = createWorker({ bus, handlers: [handler], ...options });
  await worker.start();
  return worker;
}

function charge(barrier: BarrierMode): Handler {
  return stepHandler('payments.charge', { barrier }, (then) => {
    if (then === 'reject') throw new StepRejected({ code: 'NO_FUNDS', message: 'no funds' });
    if (then === 'fail') throw new Error('the bank hung up');
    return { id: 'c-1' };
  });
}

describe('a worker whose logger throws', () => {
  const modes: BarrierMode[] = ['none', 'transaction', 'external'];
  const loggers = { everything: BROKEN, 'at debug': BROKEN_DEBUG };

  test.each(
    modes.flatMap((mode) => Object.entries(loggers).map(([what, logger]) => ({ mode, what, logger }))),
  )('answers each command once, and as it ended: mode $mode, throws $what', async ({ mode, logger }) => {
    const barrier = mode === 'none' ? {} : { barrier: new MemoryBarrier() };
    const serving = await serve(charge(mode), { ...barrier, logger, concurrency: 1 });
    const commands = ['succeed', 'reject', 'fail'].map((then) =>
      client.command('payments.charge', then, { step: then }),
    );
    commands.push(client.command('payments.unknown', {}));
    await Promise.all(commands.map((command) => client.send(command)));
    await Promise.all(
      commands.map(({ effectkey }) => client.reply((reply) => reply.effectkey === effectkey)),
    );
    await serving.stop();
    const told = client.replies.map(({ step, outcome }) => `${step}: ${outcome}`);
    expect(told.sort()).toEqual([
      'fail: failed',
      'reject: rejected',
      'succeed: succeeded',
      'unknown: failed',
    ]);
    expect(serving.health().inFlight).toBe(0);
  });

  test('tries again what its database could not decide', async () => {
    let tries = 0;
    const handler = stepHandler('payments.charge', { barrier: 'transaction' }, (_input, { tx }) => {
      tries += 1;
      if (tries === 1) (tx as unknown as MemoryTransaction).lose();
      return { tries };
    });
    await serve(handler, { barrier: new MemoryBarrier(), logger: BROKEN });
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({
      data: { output: { tries: 2 } },
    });
  });

  test('sends what it cannot read to the dead letters, and goes on', async () => {
    await serve(charge('none'), { logger: BROKEN });
    await client.send(Buffer.from('{'), 'payments');
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({ outcome: 'succeeded' });
    await client.deadLetter(() => true);
  });
});

describe('an answer', () => {
  test('counts once, whatever the barrier says after it', async () => {
    const twice: Barrier = {
      perform: async (group) => {
        for (const entry of group) {
          entry.answered({ outcome: 'succeeded', output: {} });
          entry.answered({ outcome: 'failed', error: { code: 'LATER', message: 'later' }, retryable: true });
        }
      },
    };
    const serving = await serve(charge('transaction'), { barrier: twice });
    await client.ask(client.command('payments.charge', {}));
    await serving.stop();
    expect(client.replies.map(({ outcome }) => outcome)).toEqual(['succeeded']);
  });

  test('is given before the log tells of it', async () => {
    const inFlight: unknown[] = [];
    const look = (): void => void inFlight.push(worker?.health().inFlight);
    await serve(charge('none'), { logger: { debug: look, info: none, warn: none, error: none } });
    await client.ask(client.command('payments.charge', {}));
    expect(inFlight).toEqual([0]);
  });
});

test('a sink that throws fails no step, and is told of in the log', async () => {
  const warnings: string[] = [];
  const logger: WorkerLogger = { debug: none, info: none, warn: (text) => warnings.push(text), error: none };
  const sink = { progress: broken, log: broken, metrics: broken };
  const handler = stepHandler('payments.charge', { barrier: 'none' }, (_input, context) => {
    context.setProgress(1, 2);
    context.log('charged');
    context.setMetrics({ rows: 1 });
    return 'done';
  });
  await serve(handler, { sink, logger });
  const command = client.command('payments.charge', {});
  await client.send(command);
  const reply = await client.reply(({ effectkey }) => effectkey === command.effectkey);
  expect(reply).toMatchObject({ outcome: 'succeeded' });
  expect(warnings).toEqual(Array(3).fill('the sink failed: the disk is full'));
});
