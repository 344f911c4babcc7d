import { expect, test } from '@jest/globals';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient, answersOf, barrierConformance } from '@counterstep/testing';
import {
  MemoryBarrier,
  createWorker,
  stepHandler,
  type BarrierOrder,
  type Effect,
  type MemoryTransaction,
} from '@counterstep/worker';

barrierConformance('in memory', () => {
  const barrier = new MemoryBarrier();
  const ledger: string[] = [];
  return Promise.resolve({
    barrier,
    other: barrier,
    write: (tx, entry) => {
      (tx as MemoryTransaction | undefined)?.onRollback(() => {
        ledger.splice(ledger.lastIndexOf(entry), 1);
      });
      ledger.push(entry);
      return Promise.resolve();
    },
    ledger: () => Promise.resolve([...ledger]),
    kill: (tx) => Promise.resolve((tx as MemoryTransaction).lose()),
    close: () => Promise.resolve(),
  });
});

const order: BarrierOrder = {
  mode: 'transaction',
  sagaId: '01890000-0000-7000-8000-000000000001',
  step: 'charge',
  run: 1,
  attempt: 1,
  direction: 'forward',
  effectKey: '01890000-0000-7000-8000-000000000001/charge/1/forward',
};

test('a barrier made of the rows of another goes on where that one was', async () => {
  const first = new MemoryBarrier();
  await answersOf(first, [{ order, effect: () => Promise.resolve({ outcome: 'succeeded', output: 1 }) }]);
  const rows = JSON.parse(JSON.stringify(first.rows)) as typeof first.rows;
  const never = { order, effect: () => Promise.reject(new Error('ran')) };
  expect((await answersOf(new MemoryBarrier(rows), [never]))[0]).toEqual({ outcome: 'succeeded', output: 1 });
});

test('who changes an answer, or the rows read before, changes nothing that is kept', async () => {
  const barrier = new MemoryBarrier();
  const before = barrier.rows;
  const output = { id: 1 };
  const perform = async (effect: Effect) => (await answersOf(barrier, [{ order, effect }]))[0];
  await perform(() => Promise.resolve({ outcome: 'succeeded', output }));
  output.id = 2;
  expect(before).toEqual({});
  expect(await perform(() => Promise.reject(new Error('ran')))).toEqual({
    outcome: 'succeeded',
    output: { id: 1 },
  });
});

test('an effect that throws is a retryable failure, and its writes are taken back', async () => {
  const barrier = new MemoryBarrier();
  const balance = { euros: 10 };
  const effect: Effect = (tx) => {
    (tx as MemoryTransaction).onRollback(() => (balance.euros = 10));
    balance.euros = 3;
    return Promise.reject(new Error('boom'));
  };
  expect(await answersOf(barrier, [{ order, effect }])).toEqual([
    { outcome: 'failed', error: { code: 'BARRIER_FAILED', message: 'boom' }, retryable: true },
  ]);
  expect(balance.euros).toBe(10);
  expect(barrier.rows).toEqual({});
});

test('nothing is written in a transaction that has ended', async () => {
  let kept: MemoryTransaction | undefined;
  await answersOf(new MemoryBarrier(), [
    {
      order,
      effect: (tx) => {
        kept = tx as MemoryTransaction;
        return Promise.resolve({ outcome: 'succeeded' });
      },
    },
  ]);
  expect(() => kept?.onRollback(() => undefined)).toThrow('has ended');
});

test('a worker on the memory bus answers a duplicate from it, without a database', async () => {
  const bus = new MemoryBus();
  const client = await CommandClient.open(bus, ['payments']);
  let ran = 0;
  const charge = stepHandler('payments.charge', { barrier: 'transaction' }, () => ({ ran: (ran += 1) }));
  const worker = createWorker({ bus, handlers: [charge], barrier: new MemoryBarrier() });
  await worker.start();
  await worker.ready();
  try {
    const command = client.command('payments.charge', {});
    const first = await client.ask(command);
    const again = await client.ask({ ...command, id: `${command.id}/2`, attempt: 2 });
    expect([first.data, again.data]).toEqual([{ output: { ran: 1 } }, { output: { ran: 1 } }]);
  } finally {
    await worker.stop();
    await bus.close();
  }
});
