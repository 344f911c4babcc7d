import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from './runner.js';
import { Tale, Writer, nothing, order } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

/** Which sagas nobody alive has a definition for. */
export function definitionPromises({ store: openStore, harness, promised }: StoreSuite): void {
  const absentOrder = (sagas: number) => ({ digest: order.digest, workflow: 'order', version: 1, sagas });

  promised(
    'a definition is absent when no lane that is alive lists it, and an unfinished saga needs it',
    async () => {
      const [store, other] = [await openStore(), await openStore()];
      expect(await store.absentDefinitions()).toEqual([]);
      const writer = await Writer.on(store, ['x', order.digest]);
      const tales = [new Tale(), new Tale(), new Tale(nothing), new Tale()];
      await writer.commit(tales.map((tale) => tale.start()));
      await writer.commit([(tales[3] as Tale).quarantine()]);
      expect(await other.absentDefinitions()).toEqual([]);
      const second = await other.openLane([order.digest]);
      await writer.confirmAll();
      await writer.lane.close();
      expect(await other.absentDefinitions()).toEqual([]);
      await second.close();
      expect(await other.absentDefinitions()).toEqual([absentOrder(3)]);
      const third = await Writer.on(other, ['y']);
      await third.commit([(tales[0] as Tale).reply('charge')]);
      await third.commit([(tales[0] as Tale).reply('ship')]);
      expect(await store.absentDefinitions()).toEqual([absentOrder(2)]);
      await store.openLane([order.digest]);
      expect(await other.absentDefinitions()).toEqual([]);
      expect(await other.pinnedDefinitions()).toEqual([absentOrder(2)]);
    },
  );

  promised('the lane of a dead process lists nothing any more, not even for who finishes it', async () => {
    const [dying, store, other] = [await openStore(), await openStore(), await openStore()];
    await (await Writer.on(dying, [order.digest])).commit([new Tale().start()]);
    await harness().crash(dying);
    const deadline = performance.now() + 10_000;
    let dead = await store.takeDeadLane();
    while (!dead && performance.now() < deadline) {
      await sleep(20);
      dead = await store.takeDeadLane();
    }
    expect(await other.absentDefinitions()).toEqual([absentOrder(1)]);
    await dead?.release();
    expect(await other.absentDefinitions()).toEqual([absentOrder(1)]);
  });

  promised('the unfinished sagas of a definition are found, held for a reason or not held', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [free, poisoned, orphan, ended] = [new Tale(), new Tale(), new Tale(), new Tale(nothing)];
    await writer.commit([free, poisoned, orphan, ended].map((tale) => tale.start()));
    const fact = { type: 'attention', message: 'a "code":"POISON" in a text', hold: true } as const;
    await writer.commit([poisoned.quarantine(), orphan.add([{ ...fact, code: 'UNKNOWN_DEFINITION' }])]);
    const digests = [order.digest, nothing.digest];
    const found = (code?: string, limit = 10) =>
      store.pinnedSagas(digests, code === undefined ? { held: false } : { held: true, code }, limit);
    expect(await found()).toEqual([free.sagaId]);
    expect(await found('POISON')).toEqual([poisoned.sagaId]);
    expect(await found('UNKNOWN_DEFINITION')).toEqual([orphan.sagaId]);
    expect(await found('UNKNOWN')).toEqual([]);
    await writer.commit([new Tale().start(), new Tale().start()]);
    expect(await found(undefined, 2)).toHaveLength(2);
    expect(await store.pinnedSagas([nothing.digest], { held: false }, 10)).toEqual([]);
    expect(await store.pinnedSagas([], { held: false }, 10)).toEqual([]);
  });
}
