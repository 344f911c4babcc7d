import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StateStoreError, WorkflowBuilder, type Workflow } from '@counterstep/core';
import type { SagaUpdate } from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { Fleet, settled, succeed, type Member } from '../support/fleet.js';
import type { Responder } from '../support/responder.js';
import { Teller } from '../support/teller.js';
import { VirtualClock } from '../support/virtual-clock.js';

const transfer = new WorkflowBuilder('transfer')
  .addStep('fetch', 'files.fetch', { readOnly: true, attemptTimeout: 3_600_000 })
  .addStep('store', 'files.store', { readOnly: true, attemptTimeout: 3_600_000 })
  .build() as Workflow;

describe('watching a saga', () => {
  let clock: VirtualClock;
  let fleet: Fleet;
  /** The one that starts the sagas, and one that only watches. */
  let runner: Member;
  let other: Member;
  let responder: Responder;
  let teller: Teller;

  beforeEach(async () => {
    clock = new VirtualClock();
    fleet = new Fleet(clock);
    runner = await fleet.join([transfer]);
    other = await fleet.join([transfer], { maxWatchers: 3 });
    await settled();
    responder = fleet.respond(() => undefined, 'files');
    teller = new Teller(fleet.broker.connect());
  });
  afterEach(() => fleet.close());

  const start = async (): Promise<string> => {
    const sagaId = await runner.orchestrator.executeWorkflow('transfer', {});
    await settled();
    return sagaId;
  };
  const commandOf = (sagaId: string): Command =>
    responder.received.findLast(({ sagaid }) => sagaid === sagaId) as Command;
  /** Takes every update as it comes. */
  const watch = ({ orchestrator }: Member, sagaId: string, options = {}) => {
    const seen: SagaUpdate[] = [];
    const watched = { seen, isOver: false, error: undefined as unknown };
    void (async () => {
      try {
        for await (const update of orchestrator.watch(sagaId, options)) seen.push(update);
      } catch (error) {
        watched.error = error;
      }
      watched.isOver = true;
    })();
    return watched;
  };
  const seqs = (updates: readonly SagaUpdate[]): number[] =>
    updates.flatMap((update) => (update.type === 'state' ? [update.seq] : []));

  test('tells at the latest after a second what another orchestrator did', async () => {
    const sagaId = await start();
    const watched = watch(other, sagaId);
    await settled();
    expect(seqs(watched.seen)).toEqual([1]);
    await responder.reply(commandOf(sagaId), succeed());
    await fleet.pass(1_000);
    expect(seqs(watched.seen)).toEqual([1, 2]);
    await responder.reply(commandOf(sagaId), succeed());
    await fleet.pass(1_000);
    expect(seqs(watched.seen)).toEqual([1, 2, 3]);
    expect(watched.seen.at(-1)).toEqual({ type: 'end', sagaId, state: 'completed' });
    expect(watched.isOver).toBe(true);
  });

  test('tells at once what its own orchestrator did, and a second later what another one', async () => {
    const sagaId = await start();
    const [own, others] = [watch(runner, sagaId), watch(other, sagaId)];
    await settled();
    await runner.orchestrator.pause(sagaId);
    await fleet.pass(20);
    expect([seqs(own.seen), seqs(others.seen)]).toEqual([[1, 2], [1]]);
    await fleet.pass(1_000);
    expect([seqs(own.seen), seqs(others.seen)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(others.seen.at(-1)).toMatchObject({ type: 'state', phase: 'paused' });
    await runner.orchestrator.resume(sagaId);
  });

  test('asks the store once a second for all that are watched, and not at all when none is', async () => {
    const asked: number[] = [];
    const { recordsAfter } = other.store;
    other.store.recordsAfter = (positions, limit) => {
      asked.push(positions.length);
      return recordsAfter.call(other.store, positions, limit);
    };
    await fleet.pass(10_000);
    expect(asked).toEqual([]);
    const stop = new AbortController();
    const sagas = [await start(), await start()];
    for (const sagaId of [...sagas, ...sagas.slice(0, 1)]) watch(other, sagaId, { signal: stop.signal });
    await fleet.pass(5_500);
    expect(asked).toEqual([2, 2, 2, 2, 2]);
    stop.abort();
    await fleet.pass(10_000);
    expect(asked.length).toBeLessThanOrEqual(6);
  });

  test('begins behind what is known', async () => {
    const sagaId = await start();
    await responder.reply(commandOf(sagaId), succeed());
    await settled();
    const [from1, from9] = [watch(other, sagaId, { after: 1 }), watch(other, sagaId, { after: 9 })];
    await settled();
    expect([seqs(from1.seen), seqs(from9.seen)]).toEqual([[2], []]);
  });

  test('tells what made a step run before what its handler says, and words also while the store is away', async () => {
    const sagaId = await start();
    const watched = watch(other, sagaId);
    await settled();
    await responder.reply(commandOf(sagaId), succeed());
    await settled();
    const second = commandOf(sagaId);
    await teller.progress(second, 1, 2);
    await fleet.pass(260);
    expect(watched.seen.slice(-2)).toMatchObject([
      { type: 'state', seq: 2 },
      { type: 'progress', progress: 75, steps: [{ step: 'store' }] },
    ]);
    other.store.recordsAfter = () => new Promise(() => undefined);
    await teller.progress(second, 2, 2);
    await fleet.pass(1_000);
    expect(watched.seen.at(-1)).toMatchObject({ type: 'progress', progress: 99 });
  });

  test('gives who is slow every record and only the last words', async () => {
    const sagaId = await start();
    const slow = other.orchestrator.watch(sagaId);
    const first = await slow.next();
    expect(first.value).toMatchObject({ type: 'state', seq: 1 });
    const command = commandOf(sagaId);
    for (let n = 1; n <= 1_000; n += 1) {
      await teller.progress(command, n, 2_000);
      await teller.log(command, `line ${n}`);
    }
    await responder.reply(command, succeed());
    await fleet.pass(5_000);
    const rest: SagaUpdate[] = [];
    for (let n = 0; n < 3; n += 1) {
      const next = slow.next();
      await fleet.pass(1_000);
      const { value } = await next;
      if (value) rest.push(value);
    }
    expect(rest.map(({ type }) => type)).toEqual(['progress', 'state', 'progress']);
    expect(rest[0]).toMatchObject({
      steps: [{ progress: [{ current: 1_000, total: 2_000 }] }],
      progress: 25,
    });
    const [words] = rest;
    const lines = words?.type === 'progress' ? words.logs : [];
    expect(lines.at(-1)?.event).toBe('line 1000');
    expect(lines.length).toBeLessThanOrEqual(100);
    await slow.return();
  });

  test('puts words together that come within a quarter of a second', async () => {
    const sagaId = await start();
    const watched = watch(other, sagaId);
    await settled();
    const before = watched.seen.length;
    for (let n = 1; n <= 100; n += 1) {
      await teller.progress(commandOf(sagaId), n, 100);
      await fleet.pass(10);
    }
    await fleet.pass(250);
    const ticks = watched.seen.slice(before);
    expect(ticks.length).toBeLessThanOrEqual(5);
    expect(ticks.length).toBeGreaterThanOrEqual(4);
    expect(ticks.at(-1)).toMatchObject({ progress: 50, steps: [{ progress: [{ current: 100 }] }] });
  });

  test('ends when it is told to, while it waits too, and when the orchestrator stops', async () => {
    const sagaId = await start();
    const stop = new AbortController();
    const [stopped, left] = [watch(other, sagaId, { signal: stop.signal }), watch(other, sagaId)];
    await settled();
    stop.abort();
    await settled();
    expect([stopped.isOver, left.isOver]).toEqual([true, false]);
    await other.orchestrator.stop();
    await settled();
    expect([left.isOver, left.error]).toEqual([true, undefined]);
    expect([...stopped.seen, ...left.seen].filter(({ type }) => type === 'end')).toEqual([]);
    expect(() => other.orchestrator.watch(sagaId)).toThrow('not started');
  });

  test('is refused for a saga that is not there, and beyond the number of watches', async () => {
    const sagaId = await start();
    const none = watch(other, '01890000-0000-7000-8000-000000000001');
    await settled();
    expect(none.error).toMatchObject({ code: 'SAGA_NOT_FOUND' });
    const stop = new AbortController();
    for (let n = 0; n < 3; n += 1) watch(other, sagaId, { signal: stop.signal });
    const fourth = watch(other, sagaId);
    await settled();
    expect(fourth.error).toMatchObject({ code: 'TOO_MANY_WATCHERS', retryable: true });
    stop.abort();
    await settled();
    const fifth = watch(other, sagaId);
    await settled();
    expect(fifth.error).toBeUndefined();
  });

  test('waits for a store that is away, and misses nothing', async () => {
    const sagaId = await start();
    const watched = watch(other, sagaId);
    await settled();
    const { recordsAfter } = other.store;
    other.store.recordsAfter = () => Promise.reject(new StateStoreError('CONNECTION_LOST', 'away'));
    await responder.reply(commandOf(sagaId), succeed());
    await fleet.pass(5_000);
    other.store.recordsAfter = recordsAfter;
    await fleet.pass(1_000);
    await responder.reply(commandOf(sagaId), succeed());
    await fleet.pass(1_000);
    expect(seqs(watched.seen)).toEqual([1, 2, 3]);
  });

  test('tells of a saga that was cancelled that it turned', async () => {
    const sagaId = await start();
    const watched = watch(other, sagaId);
    await settled();
    await teller.progress(commandOf(sagaId), 9, 10);
    await fleet.pass(300);
    await runner.orchestrator.cancelWorkflow(sagaId);
    await responder.reply(commandOf(sagaId), succeed());
    await fleet.pass(2_000);
    expect(watched.seen.at(-1)).toMatchObject({ type: 'end', state: 'cancelled' });
    const percents = watched.seen.flatMap((update) => (update.type === 'progress' ? [update.progress] : []));
    expect(percents.slice(0, 2)).toEqual([0, 45]);
  });
});
