import { StateStoreError, fold } from '@counterstep/core';
import type { SagaContext } from '@counterstep/engine';
import { expect } from './runner.js';
import { Tale, Writer, nothing } from './sagas-for-stores.js';
import type { OneMove } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

const contextOf = ({ saga, record }: OneMove): SagaContext => ({ saga, record });

/** The state store of the library form. */
export function contextPromises({ store: openStore, harness, promised }: StoreSuite): void {
  promised('a context is saved and loaded as it is', async () => {
    const store = await openStore();
    const tale = new Tale();
    expect(await store.loadContext(tale.sagaId)).toBeUndefined();
    for (const move of [tale.start(), tale.reply('charge'), tale.reply('ship')]) {
      await store.saveContext(contextOf(move));
      expect(await store.loadContext(tale.sagaId)).toEqual(contextOf(move));
    }
    const [stored] = await store.load([tale.sagaId]);
    expect(fold(tale.sagaId, stored?.records ?? [])).toEqual(tale.saga);
  });

  promised('a context of a saga that has moved on is refused', async () => {
    const [store, other] = [await openStore(), await openStore()];
    const [tale, rival] = [new Tale(), new Tale()];
    const start = contextOf(tale.start());
    await store.saveContext(start);
    await expect(store.saveContext(start)).rejects.toThrow(StateStoreError);
    await expect(other.saveContext(start)).rejects.toMatchObject({ code: 'STALE_SAGA', retryable: true });
    rival.start();
    await expect(store.saveContext(contextOf(rival.reply('charge')))).rejects.toMatchObject({
      code: 'STALE_SAGA',
    });
    await store.saveContext(contextOf(tale.reply('charge')));
  });

  promised('contexts that are saved at once do not disturb each other', async () => {
    const store = await openStore();
    const tales = Array.from({ length: 10 }, () => new Tale());
    await Promise.all(tales.map((tale) => store.saveContext(contextOf(tale.start()))));
    expect(await store.listContexts()).toHaveLength(10);
  });

  promised('a saved context asks for no publishing: nothing is left to take over', async () => {
    const [dying, store] = [await openStore(), await openStore()];
    const tale = new Tale();
    await dying.saveContext(contextOf(tale.start()));
    await dying.saveContext(contextOf(tale.reply('charge')));
    await harness().crash(dying);
    const dead = await store.takeDeadLane();
    expect(dead?.sagas ?? []).toEqual([]);
  });

  promised('only finished sagas are deleted, with all that is known of them', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [running, ended, other] = [new Tale(), new Tale(nothing), new Tale(nothing)];
    const keys = ['r', 'e', 'o'].map((key) => ({ scope: 'request', key, bodyHash: 'h' }));
    const starts = [running, ended, other].map((tale, index) =>
      writer.write(tale.start(), ...keys.slice(index, index + 1)),
    );
    await writer.commitWrites(starts);
    expect(await store.deleteContext(running.sagaId)).toBe(false);
    expect(await store.deleteContext(new Tale().sagaId)).toBe(false);
    expect(await store.deleteContext(ended.sagaId)).toBe(true);
    expect(await store.deleteContext(ended.sagaId)).toBe(false);
    expect(await store.loadContext(ended.sagaId)).toBeUndefined();
    expect((await store.listContexts()).toSorted()).toEqual([running.sagaId, other.sagaId].toSorted());
    expect((await store.findKeys(keys)).map(({ key }) => key).toSorted()).toEqual(['o', 'r']);
  });

  promised('contexts are listed by workflow and state', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [running, ended, completed] = [new Tale(), new Tale(nothing), new Tale()];
    await writer.commit([running.start(), ended.start(), completed.complete()]);
    expect(await store.listContexts({ workflowId: 'nothing' })).toEqual([ended.sagaId]);
    expect(await store.listContexts({ workflowId: 'order', state: 'completed' })).toEqual([completed.sagaId]);
    expect((await store.listContexts({ state: 'completed' })).toSorted()).toEqual(
      [ended.sagaId, completed.sagaId].toSorted(),
    );
  });
}
