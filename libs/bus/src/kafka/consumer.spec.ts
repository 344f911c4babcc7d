import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConsumerConfig, EachBatchPayload, Kafka, OffsetsByTopicPartition } from 'kafkajs';
import type { Handed } from '../progress.js';
import { GroupConsumer, type Batch } from './consumer.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const consumers: GroupConsumer[] = [];

afterEach(() => Promise.all(consumers.splice(0).map((consumer) => consumer.stop())));

/** A consumer whose kafkajs is played by the test: what several brokers do at once cannot be had from one. */
async function played(
  onBatch: (batch: Batch) => Promise<void>,
  running: Promise<void> = Promise.resolve(),
  commitMs: number | 'never' = 1_000_000,
) {
  const order: string[] = [];
  /** What kafkajs was told, of all calls. */
  const told: Record<string, unknown> = {};
  const listeners = new Map<string, ((event: object) => void)[]>();
  const names = ['GROUP_JOIN', 'REBALANCING', 'HEARTBEAT', 'FETCH_START', 'FETCH', 'CRASH'];
  let eachBatch: (payload: EachBatchPayload) => Promise<void> = () => Promise.resolve();
  const client = {
    consumer: (config: ConsumerConfig) => ({
      events: Object.fromEntries(names.map((name) => [name, name])),
      on: (name: string, listener: (event: object) => void) => {
        listeners.set(name, [...(listeners.get(name) ?? []), listener]);
      },
      connect: () => Promise.resolve(),
      subscribe: (options: object) => {
        Object.assign(told, config, options);
        return Promise.resolve();
      },
      run: (options: { eachBatch: typeof eachBatch }) => {
        Object.assign(told, options);
        eachBatch = options.eachBatch;
        order.push('join');
        return running.then(() => void order.push('joined'));
      },
      disconnect: () => Promise.resolve(void order.push('disconnect')),
    }),
  };
  const released = { total: 0 };
  const consumer = new GroupConsumer({
    client: () => client as unknown as Kafka,
    group: 'g',
    topics: ['t'],
    sessionTimeoutMs: 10_000,
    heartbeatMs: 1_000,
    commitMs: commitMs === 'never' ? undefined : commitMs,
    metadataMaxAgeMs: 30_000,
    onJoin: () => undefined,
    onBatch,
    onReleased: (count) => (released.total += count),
    probe: () => Promise.resolve(undefined),
  });
  const started = consumer.start();
  while (!order.includes('join')) await turn();
  consumers.push(consumer);
  const emit = (name: string, payload: object = {}): void => {
    for (const listener of listeners.get(name) ?? []) listener({ payload });
  };
  const join = (partitions: number[]): void => emit('GROUP_JOIN', { memberAssignment: { t: partitions } });
  const resolved: string[] = [];
  const committed: string[] = [];
  const fetch = (partition: number, offsets: number[]): Promise<void> =>
    eachBatch({
      batch: {
        topic: 't',
        partition,
        messages: offsets.map((offset) => ({ offset: String(offset) })),
        lastOffset: () => String(offsets.at(-1)),
      },
      resolveOffset: (offset: string) => resolved.push(`${partition}:${offset}`),
      heartbeat: () => Promise.resolve(),
      commitOffsetsIfNecessary: ({ topics }: OffsetsByTopicPartition) => {
        for (const { partitions } of topics) {
          for (const one of partitions) committed.push(`${one.partition}:${one.offset}`);
        }
        return Promise.resolve();
      },
    } as unknown as EachBatchPayload);
  return { consumer, emit, join, fetch, resolved, committed, released, order, started, told };
}

/** Hands everything out at once. */
function handler() {
  const handed: (Handed & { ack(): void })[] = [];
  const onBatch = (batch: Batch): Promise<void> => {
    for (const { offset } of batch.messages) {
      const one = {
        position: Number(offset),
        settled: false,
        ack: () => void batch.progress.acknowledge(one),
      };
      handed.push(one);
      batch.progress.handOut(one);
      batch.read(offset);
    }
    return Promise.resolve();
  };
  return { handed, onBatch };
}

describe('a consumer of a group', () => {
  test('tells kafkajs to commit and restart nothing, to begin at the start, and to fetch little, all partitions at once', async () => {
    const { told } = await played(() => Promise.resolve());
    expect(told).toMatchObject({
      autoCommit: false,
      eachBatchAutoResolve: false,
      fromBeginning: true,
      allowAutoTopicCreation: false,
      sessionTimeout: 10_000,
      heartbeatInterval: 1_000,
      metadataMaxAge: 30_000,
    });
    const { restartOnFailure, initialRetryTime } = told['retry'] as NonNullable<ConsumerConfig['retry']>;
    expect(await restartOnFailure?.(new Error('a crash'))).toBe(false);
    expect(initialRetryTime).toBeLessThanOrEqual(50);
    expect(told['maxBytes']).toBeLessThanOrEqual(5 * 1024 * 1024);
    expect(told['maxBytesPerPartition']).toBeLessThanOrEqual(512 * 1024);
    expect(told['maxWaitTimeInMs']).toBeLessThanOrEqual(500);
    expect(told['partitionsConsumedConcurrently']).toBeGreaterThanOrEqual(200);
  });

  test('commits what was acknowledged without a gap, and only when it moved', async () => {
    const { handed, onBatch } = handler();
    const { consumer, join, fetch, committed } = await played(onBatch);
    join([0]);
    await fetch(0, [10, 11, 12]);
    handed[0]?.ack();
    handed[2]?.ack();
    await consumer.commit();
    await consumer.commit();
    expect(committed).toEqual(['0:11']);
    handed[1]?.ack();
    await consumer.stop();
    expect(committed).toEqual(['0:11', '0:13']);
  });

  test('commits nothing at all when it is told so', async () => {
    const { handed, onBatch } = handler();
    const { consumer, emit, join, fetch, committed } = await played(onBatch, Promise.resolve(), 'never');
    join([0]);
    await fetch(0, [5, 6]);
    handed[0]?.ack();
    emit('REBALANCING');
    handed[1]?.ack();
    await consumer.stop();
    expect(committed).toEqual([]);
  });

  test('commits when the group begins to rebalance', async () => {
    const { handed, onBatch } = handler();
    const { emit, join, fetch, committed } = await played(onBatch);
    join([0]);
    await fetch(0, [5]);
    handed[0]?.ack();
    emit('REBALANCING');
    expect(committed).toEqual(['0:6']);
  });

  test('ignores what is acknowledged after the partition was lost, or held anew', async () => {
    const { handed, onBatch } = handler();
    const { consumer, join, fetch, committed } = await played(onBatch);
    join([0, 1]);
    await fetch(0, [10, 11]);
    await fetch(1, [20]);
    await consumer.commit();
    committed.length = 0;
    join([0]);
    expect(consumer.progressOf('t', 1)).toBeUndefined();
    await fetch(0, [10, 11]);
    const [first, second, third] = handed;
    for (const stale of [first, second, third]) stale?.ack();
    await consumer.commit();
    expect(committed).toEqual(['0:10']);
  });

  test('gives back the credit of what it lost, and tells those who wait for it', async () => {
    const { handed, onBatch } = handler();
    const { consumer, join, fetch, released } = await played(onBatch);
    join([0]);
    await fetch(0, [10, 11, 12]);
    handed[0]?.ack();
    const reached = consumer.progressOf('t', 0)?.reached(13);
    join([0]);
    expect(await reached).toBe(false);
    expect(released.total).toBe(3);
  });

  test('does not move the new generation past what it holds open, when a batch waited over a rejoin', async () => {
    let go: () => void = () => undefined;
    const { join, fetch, resolved } = await played(async (batch) => {
      await new Promise<void>((resolve) => (go = resolve));
      for (const { offset } of batch.messages) batch.read(offset);
    });
    join([0]);
    const waiting = fetch(0, [10, 11]);
    join([0]);
    go();
    await waiting;
    expect(resolved).toEqual([]);
  });

  test('drops a batch that was fetched before the group was joined anew', async () => {
    const { handed, onBatch } = handler();
    const { emit, join, fetch, resolved } = await played(onBatch);
    join([0]);
    emit('FETCH_START', { nodeId: '1' });
    emit('FETCH_START', { nodeId: '2' });
    join([0]);
    emit('FETCH', { nodeId: '1' });
    await fetch(0, [50]);
    expect([handed, resolved]).toEqual([[], []]);
    emit('FETCH', { nodeId: '2' });
    await turn();
    await turn();
    await fetch(0, [40]);
    expect(resolved).toEqual(['0:40']);
  });

  test('reads nothing of partitions that it does not hold', async () => {
    const { handed, onBatch } = handler();
    const { join, fetch } = await played(onBatch);
    join([0]);
    await fetch(1, [1]);
    expect(handed).toEqual([]);
  });

  test('is disconnected only when it has joined: kafkajs does not stop a join, and the member would stay', async () => {
    let joined: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (joined = resolve));
    const { consumer, order } = await played(() => Promise.resolve(), running);
    const stopped = consumer.stop();
    await turn();
    joined();
    await stopped;
    expect(order).toEqual(['join', 'joined', 'disconnect']);
  });

  test('a crash of kafkajs is its death, whatever kafkajs thinks about it', async () => {
    const { consumer, emit, join } = await played(() => Promise.resolve());
    join([0]);
    emit('CRASH', { error: new TypeError('undefined is not a function'), restart: false });
    expect(await consumer.died).toBe('undefined is not a function');
    expect(consumer.held()).toEqual([]);
    await consumer.stop();
  });
});
