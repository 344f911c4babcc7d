import type { NewKey, Store } from '@counterstep/engine';
import { expect } from './runner.js';
import { Tale, Writer, nothing } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

const committed = { kind: 'committed', stale: [], now: expect.any(Number) };
const requestKey = (key: string, bodyHash = 'hash'): NewKey => ({ scope: 'request', key, bodyHash });
const businessKey = (key: string, fromClosed = true): NewKey => ({
  scope: 'business:order',
  key,
  bodyHash: 'hash',
  fromClosed,
});
const holderOf = async (store: Store, key: NewKey): Promise<string | undefined> =>
  (await store.findKeys([key]))[0]?.sagaId;

/** Who starts for a key, and who gets it. */
export function keyPromises({ store: openStore, promised }: StoreSuite): void {
  promised(
    'a key that is taken keeps a second saga from starting, also when its saga is finished',
    async () => {
      const store = await openStore();
      const writer = await Writer.on(store);
      const [first, ended, loser, late] = [new Tale(), new Tale(nothing), new Tale(), new Tale()];
      const starts = [
        writer.write(first.start(), requestKey('a')),
        writer.write(ended.start(), requestKey('b')),
      ];
      expect(await writer.commitWrites(starts)).toEqual(committed);
      await writer.commit([first.reply('charge')]);
      await writer.commit([first.reply('ship')]);
      const [other] = [new Tale()];
      const batch = [
        writer.write(loser.start(), requestKey('a', 'other hash')),
        writer.write(late.start(), requestKey('b')),
        writer.write(other.start(), { ...requestKey('a'), scope: 'business' }),
      ];
      expect(await writer.commitWrites(batch)).toEqual({ ...committed, stale: [loser.sagaId, late.sagaId] });
      expect(await store.load([loser.sagaId, late.sagaId])).toEqual([]);
      const names = ['a', 'b', 'c'].map((key) => ({ scope: 'request', key }));
      const found = await store.findKeys([...names, { scope: 'business', key: 'a' }]);
      expect(new Set(found)).toEqual(
        new Set([
          { ...requestKey('a'), sagaId: first.sagaId, closed: true },
          { ...requestKey('b'), sagaId: ended.sagaId, closed: true },
          { ...requestKey('a'), scope: 'business', sagaId: other.sagaId, closed: false },
        ]),
      );
      expect(await store.findKeys([])).toEqual([]);
    },
  );

  promised('of two lanes that take one key at once, one starts its saga', async () => {
    const stores = [await openStore(), await openStore()];
    for (let round = 0; round < 5; round += 1) {
      const tales = [new Tale(), new Tale()];
      const results = await Promise.all(
        stores.map(async (store, index) => {
          const writer = await Writer.on(store);
          const tale = tales[index] as Tale;
          return writer.commitWrites([writer.write(tale.start(), requestKey(`round ${round}`))]);
        }),
      );
      const stale = results.flatMap((result) => (result.kind === 'committed' ? result.stale : []));
      expect(stale).toHaveLength(1);
      const [winner] = tales.filter(({ sagaId }) => !stale.includes(sagaId));
      const [key] = await (stores[0] as (typeof stores)[number]).findKeys([requestKey(`round ${round}`)]);
      expect(key?.sagaId).toBe(winner?.sagaId);
    }
  });

  promised('a start that is stale takes no key', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    const again = new Tale(undefined, tale.sagaId);
    const result = await writer.commitWrites([writer.write(again.start(), requestKey('a'))]);
    expect(result).toEqual({ ...committed, stale: [tale.sagaId] });
    expect(await store.findKeys([requestKey('a')])).toEqual([]);
  });

  promised('a start takes all of its keys or none', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [first, second, third] = [new Tale(), new Tale(), new Tale()];
    await writer.commitWrites([writer.write(first.start(), requestKey('1'), businessKey('b'))]);
    const batch = [
      writer.write(second.start(), requestKey('2'), businessKey('b')),
      writer.write(third.start(), requestKey('1'), businessKey('c')),
    ];
    expect(await writer.commitWrites(batch)).toEqual({ ...committed, stale: [second.sagaId, third.sagaId] });
    const keys = [requestKey('1'), businessKey('b'), requestKey('2'), businessKey('c')];
    expect((await store.findKeys(keys)).map(({ sagaId }) => sagaId)).toEqual([first.sagaId, first.sagaId]);
    expect(await store.load([second.sagaId, third.sagaId])).toEqual([]);
  });

  promised('a key is closed by the write that finishes its saga, and only then passes on', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [first, early, kept, next, brief, last] = [
      new Tale(),
      new Tale(),
      new Tale(),
      new Tale(),
      new Tale(nothing),
      new Tale(),
    ];
    const started = (tale: Tale, key: NewKey) => writer.commitWrites([writer.write(tale.start(), key)]);
    const key = businessKey('b');
    await started(first, key);
    await writer.commit([first.reply('charge')]);
    expect(await store.findKeys([key])).toMatchObject([{ sagaId: first.sagaId, closed: false }]);
    expect(await started(early, key)).toEqual({ ...committed, stale: [early.sagaId] });
    await writer.commit([first.reply('ship')]);
    expect(await store.findKeys([key])).toMatchObject([{ sagaId: first.sagaId, closed: true }]);
    expect(await started(kept, businessKey('b', false))).toEqual({ ...committed, stale: [kept.sagaId] });
    expect(await started(next, { ...key, bodyHash: 'new' })).toEqual(committed);
    expect(await store.findKeys([key])).toEqual([
      { scope: key.scope, key: 'b', bodyHash: 'new', sagaId: next.sagaId, closed: false },
    ]);
    // A late record of the former saga is none of the key's business.
    await writer.commit([first.add([{ type: 'attention', code: 'LATE_EFFECT', message: 'look' }])]);
    expect(await store.findKeys([key])).toMatchObject([{ sagaId: next.sagaId, closed: false }]);
    await writer.commit([next.reply('charge')]);
    await writer.commit([next.reply('ship')]);
    expect(await started(brief, key)).toEqual(committed);
    expect(await store.findKeys([key])).toMatchObject([{ sagaId: brief.sagaId, closed: true }]);
    expect(await started(last, key)).toEqual(committed);
  });

  promised(
    'of two lanes that take over one key at once, one starts its saga, and takes its other key too',
    async () => {
      const stores = [await openStore(), await openStore()];
      const writers = await Promise.all(stores.map((store) => Writer.on(store)));
      const [store, writer] = [stores[0] as Store, writers[0] as Writer];
      for (let round = 0; round < 10; round += 1) {
        const key = businessKey(`round ${round}`);
        const old = new Tale(nothing);
        await writer.commitWrites([writer.write(old.start(), key)]);
        const tales = [new Tale(), new Tale()];
        const requests = tales.map((_, index) => requestKey(`round ${round}, request ${index}`));
        const results = await Promise.all(
          writers.map((each, index) => {
            const start = (tales[index] as Tale).start();
            return each.commitWrites([each.write(start, requests[index] as NewKey, key)]);
          }),
        );
        const stale = results.flatMap((result) => (result.kind === 'committed' ? result.stale : []));
        expect(stale).toHaveLength(1);
        const winner = tales.findIndex(({ sagaId }) => !stale.includes(sagaId));
        const { sagaId } = tales[winner] as Tale;
        expect(await holderOf(store, key)).toBe(sagaId);
        expect(await holderOf(store, requests[winner] as NewKey)).toBe(sagaId);
        expect(await holderOf(store, requests[1 - winner] as NewKey)).toBeUndefined();
      }
    },
  );

  promised('of two lanes that take two keys in opposite order, none waits for ever', async () => {
    const writers = await Promise.all([1, 2].map(async () => Writer.on(await openStore())));
    for (let round = 0; round < 10; round += 1) {
      const keys = Array.from({ length: 20 }, (_, n) => requestKey(`${round}/${n}`));
      const results = await Promise.all(
        writers.map((writer, index) => {
          const inOrder = index === 0 ? keys : keys.toReversed();
          return writer.commitWrites(inOrder.map((key) => writer.write(new Tale().start(), key)));
        }),
      );
      const stale = results.flatMap((result) => (result.kind === 'committed' ? result.stale : []));
      expect(stale).toHaveLength(20);
    }
  });

  promised('a key may be given to a saga that exists; it is named when the key is taken', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [open, ended] = [new Tale(), new Tale(nothing)];
    await writer.commitWrites([writer.write(open.start(), requestKey('1')), writer.write(ended.start())]);
    const claims = [
      { id: new Tale().sagaId, sagaId: open.sagaId, key: requestKey('2') },
      { id: new Tale().sagaId, sagaId: ended.sagaId, key: requestKey('3') },
      { id: new Tale().sagaId, sagaId: ended.sagaId, key: requestKey('1') },
    ];
    const stale = [claims[2]?.id];
    expect(await writer.commitWrites([], { claims })).toEqual({ ...committed, stale });
    const found = await store.findKeys(['1', '2', '3'].map((key) => requestKey(key)));
    expect(new Set(found)).toEqual(
      new Set([
        { ...requestKey('1'), sagaId: open.sagaId, closed: false },
        { ...requestKey('2'), sagaId: open.sagaId, closed: false },
        { ...requestKey('3'), sagaId: ended.sagaId, closed: true },
      ]),
    );
    expect(await store.load(claims.map(({ id }) => id))).toEqual([]);
  });

  promised('one batch takes a key once', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [first, second] = [new Tale(), new Tale()];
    const writes = [first, second].map((tale) => writer.write(tale.start(), businessKey('b')));
    await expect(writer.commitWrites(writes)).rejects.toMatchObject({ code: '23514' });
    expect(await store.findKeys([businessKey('b')])).toEqual([]);
  });
}
