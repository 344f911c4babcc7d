import { setTimeout as sleep } from 'node:timers/promises';
import { StateStoreError } from '@counterstep/core';
import type { DeadLane, Store } from '@counterstep/engine';
import { expect } from './runner.js';
import { Tale, Writer } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

const committed = { kind: 'committed', stale: [], now: expect.any(Number) };

/** Who owns a lane, and what becomes of what its owner had not confirmed. */
export function lanePromises({ store: openStore, harness, promised }: StoreSuite): void {
  promised('lane ids are never used again', async () => {
    const store = await openStore();
    const ids = [];
    for (let round = 0; round < 3; round += 1) {
      const lane = await store.openLane([]);
      ids.push(lane.id);
      await lane.close();
    }
    ids.push((await store.openLane([])).id);
    expect(new Set(ids).size).toBe(4);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  promised('a lane that is held is not taken', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    await writer.commit([new Tale().start()]);
    expect(await store.takeDeadLane()).toBeUndefined();
    expect(await (await openStore()).takeDeadLane()).toBeUndefined();
    expect(await writer.commit([new Tale().start()])).toEqual(committed);
  });

  promised('a closed lane leaves nothing when all of it is confirmed', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    await writer.commit([new Tale().start()]);
    await writer.confirmAll();
    expect(await store.confirmedNumbers([writer.lane.id])).toEqual(new Map([[writer.lane.id, 1]]));
    await writer.lane.close();
    await writer.lane.close();
    expect(await store.confirmedNumbers([writer.lane.id])).toEqual(new Map());
    expect(await store.takeDeadLane()).toBeUndefined();
    await expect(writer.commit([])).rejects.toThrow(StateStoreError);
  });

  promised(
    'a lane that was closed with something unconfirmed is taken over, with whole histories',
    async () => {
      const store = await openStore();
      const [writer, other] = [await Writer.on(store), await Writer.on(store)];
      const [confirmed, open, moved] = [new Tale(), new Tale(), new Tale()];
      await writer.commit([confirmed.start(), open.start()]);
      await other.commit([moved.complete()]);
      await writer.commit([open.reply('charge')], { confirmed: 2 });
      await other.confirmAll();
      await writer.lane.close();
      const dead = await taken(store);
      expect(dead).toMatchObject({ id: writer.lane.id, confirmed: 2 });
      expect(dead.sagas).toEqual(await store.load([open.sagaId]));
      expect(dead.sagas[0]?.records.map(({ number }) => number)).toEqual([2, 3]);
      await dead.done();
      expect(await store.confirmedNumbers([writer.lane.id])).toEqual(new Map());
      expect(await store.takeDeadLane()).toBeUndefined();
    },
  );

  promised('the lane of a process that died is taken over, also when it finished the saga', async () => {
    const [dying, store] = [await openStore(), await openStore()];
    const writer = await Writer.on(dying);
    const tale = new Tale();
    await writer.commit([tale.complete()]);
    await harness().crash(dying);
    await expect(writer.commit([])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
    await expect(writer.commit([])).rejects.toThrow(StateStoreError);
    const dead = await taken(store);
    expect(dead.confirmed).toBe(0);
    expect(dead.sagas.map(({ sagaId }) => sagaId)).toEqual([tale.sagaId]);
    await dead.done();
  });

  promised('of several who want a dead lane one gets it', async () => {
    const dying = await openStore();
    await (await Writer.on(dying)).commit([new Tale().start()]);
    await harness().crash(dying);
    const stores = [await openStore(), await openStore(), await openStore()];
    const got: DeadLane[] = [];
    await until(async () => {
      const asked = await Promise.all([...stores, ...stores].map((store) => store.takeDeadLane()));
      got.push(...asked.filter((dead) => dead !== undefined));
      return got.length > 0;
    });
    expect(got).toHaveLength(1);
    for (const store of stores) expect(await store.takeDeadLane()).toBeUndefined();
  });

  promised('a dead lane that is released, or whose taker died, is there for others', async () => {
    const [dying, taker, store] = [await openStore(), await openStore(), await openStore()];
    await (await Writer.on(dying)).commit([new Tale().start()]);
    await harness().crash(dying);
    const first = await taken(taker);
    await first.release();
    const second = await taken(taker);
    expect(second.id).toBe(first.id);
    await harness().crash(taker);
    const third = await taken(store);
    expect(third.sagas).toEqual(second.sagas);
    await third.done();
    expect(await store.takeDeadLane()).toBeUndefined();
  });

  promised('a lane that cannot be finished does not stand before others', async () => {
    const [dying, store] = [await openStore(), await openStore()];
    const writers = [await Writer.on(dying), await Writer.on(dying)];
    for (const writer of writers) await writer.commit([new Tale().start()]);
    await harness().crash(dying);
    const first = await taken(store);
    await first.release();
    const second = await taken(store);
    expect(writers.map(({ lane }) => lane.id)).toEqual(expect.arrayContaining([first.id, second.id]));
    expect(second.id).not.toBe(first.id);
  });

  promised('the former owner of a lane that was taken over writes nothing', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    await harness().usurp(writer.lane.id);
    const batch = { park: [{ sagaId: tale.sagaId, digest: 'd', code: 'X', input: '{}' }], confirmed: 2 };
    expect(await writer.commit([tale.reply('charge'), new Tale().start()], batch)).toEqual({
      kind: 'laneLost',
    });
    expect(await writer.commit([])).toEqual({ kind: 'laneLost' });
    expect(await store.load([tale.sagaId])).toMatchObject([{ records: [{ seq: 1 }] }]);
    expect(await store.list({ limit: 10 })).toHaveLength(1);
    expect(await store.parkedInputs(['d'], 10)).toEqual([]);
    expect(await store.confirmedNumbers([writer.lane.id])).toEqual(new Map([[writer.lane.id, 0]]));
    await writer.lane.close();
    expect((await taken(store)).id).toBe(writer.lane.id);
  });

  promised('confirmed numbers grow, and never go back', async () => {
    const store = await openStore();
    const [writer, other] = [await Writer.on(store), await Writer.on(await openStore())];
    await writer.commit([new Tale().start(), new Tale().start()]);
    await writer.commit([], { confirmed: 2 });
    await writer.commit([], { confirmed: 1 });
    const ids = [writer.lane.id, other.lane.id];
    expect(await store.confirmedNumbers([...ids, 1_000_000])).toEqual(
      new Map([
        [writer.lane.id, 2],
        [other.lane.id, 0],
      ]),
    );
  });

  promised('a store that is closed gives its lanes up', async () => {
    const [closing, store] = [await openStore(), await openStore()];
    const [open, done] = [await Writer.on(closing), await Writer.on(closing)];
    await open.commit([new Tale().start()]);
    await done.commit([new Tale().start()], { confirmed: 1 });
    await closing.close();
    await closing.close();
    await expect(closing.now()).rejects.toThrow(StateStoreError);
    expect((await taken(store)).id).toBe(open.lane.id);
    expect(await store.takeDeadLane()).toBeUndefined();
  });
}

/** The dead lane, once the store knows of the death. */
async function taken(store: Store): Promise<DeadLane> {
  let dead: DeadLane | undefined;
  await until(async () => (dead = await store.takeDeadLane()) !== undefined);
  return dead as unknown as DeadLane;
}

async function until(fact: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error('waited 10 s for a dead lane');
    await sleep(20);
  }
}
