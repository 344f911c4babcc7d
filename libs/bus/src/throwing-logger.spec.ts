import { expect, test } from '@jest/globals';
import { BusClosedError, KafkaBus, MemoryBroker, MemoryBus, type BusLogger } from './index.js';

const value = Buffer.from('{}');

/** Throws whatever it is told, and resolves `told` when it is for the first time. */
function broken(): { logger: BusLogger; told: Promise<void> } {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => (tell = resolve));
  const fail = (): never => {
    tell();
    throw new Error('the disk is full');
  };
  return { logger: { debug: fail, info: fail, warn: fail, error: fail }, told };
}

test('a bus in memory whose logger throws lives on behind readers that throw', async () => {
  const { logger, told } = broken();
  const bus = new MemoryBus(new MemoryBroker(), logger);
  await bus.ensureTopics([{ topic: 'orders', partitions: 1 }]);
  const texts: string[] = [];
  const both = new Promise<void>((resolve) => {
    const read = (by: string, keys: readonly (string | null)[]): void => {
      texts.push(...keys.map((key) => `${by} ${key}`));
      if (texts.length === 4) resolve();
      throw new Error('no reader should');
    };
    bus.listen({
      topics: ['orders'],
      onMessages: (messages) =>
        read(
          'listener',
          messages.map(({ key }) => key),
        ),
    });
    bus.subscribe({
      group: 'g',
      topics: ['orders'],
      onDeliveries: (deliveries) =>
        read(
          'member',
          deliveries.map(({ key }) => key),
        ),
    });
  });
  await bus.publish([{ topic: 'orders', key: 'first', value }]);
  await told;
  await bus.publish([{ topic: 'orders', key: 'second', value }]);
  await both;
  expect(texts.sort()).toEqual(['listener first', 'listener second', 'member first', 'member second']);
  await bus.close();
});

test('a bus on Kafka whose logger throws waits for a broker that is away', async () => {
  const { logger, told } = broken();
  // Port 1 refuses.
  const bus = new KafkaBus({ brokers: ['127.0.0.1:1'], clientId: 'throwing-logger', logger });
  const sent = bus.publish([{ topic: 'orders', key: 'first', value }]).catch((error: unknown) => error);
  await told;
  await bus.close({ drainMs: 0 });
  expect(await sent).toBeInstanceOf(BusClosedError);
});
