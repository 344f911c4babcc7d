import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBroker, type MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import * as z from 'zod';
import { createWorker, stepHandler, type Handler, type Worker, type WorkerOptions } from './index.js';

const barrier = 'none';

describe('a command', () => {
  let broker: MemoryBroker;
  let buses: MemoryBus[];
  let client: CommandClient;

  beforeEach(async () => {
    broker = new MemoryBroker();
    buses = [];
    client = await CommandClient.open(connect(), ['payments']);
  });
  afterEach(async () => {
    broker.available = true;
    await Promise.all(buses.map((bus) => bus.close()));
  });
  const connect = (): MemoryBus => {
    const bus = broker.connect();
    buses.push(bus);
    return bus;
  };
  const serve = async (handler: Handler, more: Partial<WorkerOptions> = {}): Promise<Worker> => {
    const worker = createWorker({ bus: connect(), handlers: [handler], ...more });
    await worker.start();
    return worker;
  };

  test('whose reply the broker did not confirm is delivered again', async () => {
    let enter = (): void => {};
    const entered = new Promise<void>((resolve) => (enter = resolve));
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const first = await serve(
      stepHandler('payments.charge', { barrier }, async () => {
        enter();
        await opened;
        return { served: 'first' };
      }),
      { graceMs: 0 },
    );
    await client.send(client.command('payments.charge', {}));
    await entered;
    broker.available = false;
    open();
    await first.stop();
    // As a crash does: what waits to be sent is gone.
    await buses[1]?.close({ drainMs: 0 });
    broker.available = true;
    const second = await serve(stepHandler('payments.charge', { barrier }, () => ({ served: 'second' })));
    expect(await client.reply(() => true)).toMatchObject({ data: { output: { served: 'second' } } });
    await second.stop();
    expect(client.replies).toHaveLength(1);
  });

  test('that was answered is not delivered again', async () => {
    const first = await serve(stepHandler('payments.charge', { barrier }, () => ({ served: 'first' })));
    await client.ask(client.command('payments.charge', {}));
    await first.stop();
    const second = await serve(stepHandler('payments.charge', { barrier }, () => ({ served: 'second' })));
    await client.ask(client.command('payments.charge', {}, { step: 'next' }));
    await second.stop();
    expect(client.replies.map(({ data }) => data.output)).toEqual([
      { served: 'first' },
      { served: 'second' },
    ]);
  });

  test('is checked by schemas with asynchronous parts, too', async () => {
    const even = z.number().refine(async (value) => Promise.resolve(value % 2 === 0), 'must be even');
    const worker = await serve(
      stepHandler('payments.charge', { barrier, input: even, output: even }, (cents) => cents / 2),
    );
    expect(await client.ask(client.command('payments.charge', 4))).toMatchObject({ data: { output: 2 } });
    expect(await client.ask(client.command('payments.charge', 3, { step: 'odd input' }))).toMatchObject({
      outcome: 'rejected',
      data: { error: { code: 'INPUT_INVALID', message: '(root): must be even' } },
    });
    expect(await client.ask(client.command('payments.charge', 6, { step: 'odd output' }))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'OUTPUT_INVALID', message: '(root): must be even' } },
    });
    await worker.stop();
  });

  test('in another mode than `transaction` has no transaction', async () => {
    const worker = await serve(stepHandler('payments.charge', { barrier }, (_input, { tx }) => ({ tx })));
    expect(await client.ask(client.command('payments.charge', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'WORKER_CONFIG' } },
    });
    await worker.stop();
  });
});
