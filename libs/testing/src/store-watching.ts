import { expect } from './runner.js';
import { Tale, Writer, nothing } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

/** What those ask who watch sagas. */
export function watchingPromises({ store: openStore, promised }: StoreSuite): void {
  promised(
    'what was added to histories is told from where each is known, also of finished sagas',
    async () => {
      const [store, other] = [await openStore(), await openStore()];
      const writer = await Writer.on(store);
      const [moved, still, ended] = [new Tale(), new Tale(), new Tale(nothing)];
      await writer.commit([moved.start(), still.start(), ended.start()]);
      await writer.commit([moved.reply('charge', { text: 'ä"\\' })]);
      await writer.commit([moved.reply('ship')]);
      const after = async (limit: number, ...known: [Tale, number][]) => {
        const positions = known.map(([{ sagaId }, version]) => ({ sagaId, version }));
        const stored = await other.recordsAfter(positions, limit);
        return Object.fromEntries(
          stored.map(({ sagaId, records }) => [sagaId, records.map(({ seq }) => seq)]),
        );
      };
      expect(await after(10, [moved, 1], [still, 1], [ended, 0])).toEqual({
        [moved.sagaId]: [2, 3],
        [ended.sagaId]: [1],
      });
      expect(await after(10, [moved, 3], [still, 7], [new Tale(), 0])).toEqual({});
      expect(await after(10)).toEqual({});
      const [stored] = await store.load([moved.sagaId]);
      const [added] = await other.recordsAfter([{ sagaId: moved.sagaId, version: 1 }], 10);
      expect(added?.records).toEqual(stored?.records.slice(1));
    },
  );

  promised('of many records that were added the first come, without a gap', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tales = [new Tale(), new Tale(), new Tale()];
    await writer.commit(tales.map((tale) => tale.start()));
    await writer.commit(tales.map((tale) => tale.reply('charge')));
    const versions = new Map(tales.map(({ sagaId }) => [sagaId, 0]));
    const seen: [string, number][] = [];
    for (let look = 0; look < 10; look += 1) {
      const positions = [...versions].map(([sagaId, version]) => ({ sagaId, version }));
      const stored = await store.recordsAfter(positions, 2);
      const records = stored.flatMap(({ sagaId, records: some }) =>
        some.map(({ seq }) => [sagaId, seq] as const),
      );
      expect(records.length).toBeLessThanOrEqual(2);
      for (const [sagaId, seq] of records) {
        expect(seq).toBe((versions.get(sagaId) ?? 0) + 1);
        versions.set(sagaId, seq);
        seen.push([sagaId, seq]);
      }
    }
    expect(seen).toHaveLength(6);
  });

  promised('sagas that have finished are told from those that have not, or never were', async () => {
    const [store, other] = [await openStore(), await openStore()];
    const writer = await Writer.on(store);
    const [running, ended] = [new Tale(), new Tale(nothing)];
    await writer.commit([running.start(), ended.start()]);
    const ids = [running, ended, new Tale()].map(({ sagaId }) => sagaId);
    expect(await other.finishedAmong(ids)).toEqual([ended.sagaId]);
    expect(await other.finishedAmong([])).toEqual([]);
  });
}
