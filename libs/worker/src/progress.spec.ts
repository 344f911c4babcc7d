import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import { decodeMessage, progressMessageSchema, topicsOf, type ProgressMessage } from '@counterstep/protocol';
import { CommandClient } from '@counterstep/testing';
import { compensationHandler, createWorker, stepHandler, type Handler, type Worker } from './index.js';

const barrier = 'none';
const topic = topicsOf('counterstep').progress;

describe('what handlers tell over a bus', () => {
  let bus: MemoryBus;
  let client: CommandClient;
  let worker: Worker;
  let heard: ProgressMessage[];

  beforeEach(async () => {
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments']);
    await bus.ensureTopics([{ topic, partitions: 1 }]);
    heard = [];
    const listener = bus.listen({
      topics: [topic],
      onMessages: (messages) => {
        for (const { value } of messages) {
          const decoded = decodeMessage(progressMessageSchema, value);
          if (!decoded.ok) throw new Error(decoded.reason);
          heard.push(decoded.message);
        }
      },
    });
    await listener.ready();
  });
  afterEach(async () => {
    await worker.stop();
    await bus.close();
  });
  const serve = async (...handlers: Handler[]): Promise<void> => {
    worker = createWorker({ bus, handlers });
    await worker.start();
    await worker.ready();
  };
  /** What is on the topic once the worker has stopped. */
  const afterTheEnd = async (): Promise<ProgressMessage[]> => {
    await worker.stop();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    return heard;
  };

  test('is on the progress topic at the latest when the worker has stopped', async () => {
    await serve(
      stepHandler('payments.charge', { barrier }, (_input, { setProgress, log, setMetrics }) => {
        setProgress(1, 4);
        setProgress(2, 4);
        log('sent', { to: 'bank' });
        setMetrics({ bytes: 7, pages: [1, 2] }, 'net');
      }),
    );
    const command = client.command('payments.charge', {}, { attempt: 2 });
    await client.ask(command);
    const { sagaid, effectkey, replytoken } = command;
    expect(await afterTheEnd()).toMatchObject([
      {
        sagaid,
        effectkey,
        replytoken,
        attempt: 2,
        data: {
          progress: [{ category: 'charge', current: 2, total: 4 }],
          logs: [{ event: 'sent', data: { to: 'bank' } }],
          metrics: [{ category: 'net', values: { bytes: 7, pages: [1, 2] } }],
        },
      },
    ]);
  });

  test('comes from compensations too', async () => {
    await serve(
      stepHandler('payments.charge', { barrier }, () => undefined),
      compensationHandler('payments.refund', { barrier }, (_undo, context) => {
        context.setProgress(3, 3, 'refunds');
      }),
    );
    const forward = client.command('payments.charge', {});
    await client.ask(client.undoOf(forward, 'payments.refund', 'succeeded'));
    expect(await afterTheEnd()).toMatchObject([
      { step: 'charge', direction: 'undo', data: { progress: [{ category: 'refunds' }] } },
    ]);
  });

  test('is nothing when they tell nothing', async () => {
    await serve(stepHandler('payments.charge', { barrier }, () => ({ ok: true })));
    await client.ask(client.command('payments.charge', {}));
    expect(await afterTheEnd()).toEqual([]);
  });

  test('names the newest attempt that a handler serves', async () => {
    let goOn: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (begun = resolve));
    await serve(
      stepHandler('payments.charge', { barrier }, async (_input, { setProgress }) => {
        begun();
        await new Promise<void>((resolve) => (goOn = resolve));
        setProgress(1, 2);
      }),
    );
    const first = client.command('payments.charge', {});
    const second = client.command('payments.charge', {}, { attempt: 2 });
    await client.send(first);
    await running;
    const answered = client.ask(second);
    // Both lie in one partition: when the marker behind them is buried, the second is taken.
    await client.send(Buffer.from('marker'), 'payments');
    await client.deadLetter(() => true);
    goOn();
    await answered.catch(() => undefined);
    expect(await afterTheEnd()).toMatchObject([{ attempt: 2 }]);
  });

  test('does not hold up the reply, or the end of the worker, while nobody made the topic', async () => {
    const prefix = 'other';
    const elsewhere = await CommandClient.open(bus, ['payments'], prefix);
    worker = createWorker({
      bus,
      topicPrefix: prefix,
      handlers: [
        stepHandler('payments.charge', { barrier }, (_input, { setProgress }) => {
          setProgress(1, 1);
          return { ok: true };
        }),
      ],
    });
    await worker.start();
    await worker.ready();
    expect(await elsewhere.ask(elsewhere.command('payments.charge', {}))).toMatchObject({
      outcome: 'succeeded',
    });
    await worker.stop();
  });
});
