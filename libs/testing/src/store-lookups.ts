import { expect } from './runner.js';
import { NOON, TIMEOUT, Tale, Writer, nothing, order } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

/** Timers, parked inputs, lists. */
export function lookupPromises({ store: openStore, promised }: StoreSuite): void {
  promised('due sagas come soonest first, up to the moment asked for', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const delays = [50, 0, 3_600_000, 7, 90_000];
    const tales = delays.map(() => new Tale());
    await writer.commit(tales.map((tale, index) => tale.start({}, NOON + (delays[index] as number))));
    const dueOf = (tale: Tale, delay: number) => ({
      sagaId: tale.sagaId,
      dueAt: NOON + delay + TIMEOUT,
      digest: order.digest,
    });
    const [fifty, zero, , seven, ninety] = tales as [Tale, Tale, Tale, Tale, Tale];
    expect(await store.dueSagas(NOON + TIMEOUT - 1, 10)).toEqual([]);
    expect(await store.dueSagas(NOON + TIMEOUT + 7, 10)).toEqual([dueOf(zero, 0), dueOf(seven, 7)]);
    const later = [dueOf(zero, 0), dueOf(seven, 7), dueOf(fifty, 50), dueOf(ninety, 90_000)];
    expect(await store.dueSagas(NOON + TIMEOUT + 100_000, 10)).toEqual(later);
    expect(await store.dueSagas(NOON + TIMEOUT + 100_000, 2)).toEqual(later.slice(0, 2));
  });

  promised('a saga is due when its last write says, however often it moved', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    await writer.commit([tale.reply('charge', {}, NOON + 600_000)]);
    const dueAt = NOON + 600_000 + TIMEOUT;
    expect(await store.dueSagas(NOON + 300_000, 10)).toEqual([]);
    expect(await store.dueSagas(dueAt - 1, 10)).toEqual([]);
    expect(await store.dueSagas(dueAt, 10)).toMatchObject([{ sagaId: tale.sagaId, dueAt }]);
    // Back to an earlier time: a bucket that is later than the new due time would hide it.
    const failed = { step: 'ship', direction: 'forward', run: 1, attempt: 1, outcome: 'failed' } as const;
    await writer.commit([tale.tell({ type: 'reply', ...failed }, NOON + 1_000)]);
    expect(await store.dueSagas(NOON + 5_000, 10)).toMatchObject([{ sagaId: tale.sagaId }]);
    await writer.commit([tale.quarantine()]);
    expect(await store.dueSagas(dueAt + 3_600_000, 10)).toEqual([]);
  });

  promised(
    'a saga is put off while it stays as it is, and by its next write is due when that says',
    async () => {
      const store = await openStore();
      const writer = await Writer.on(store);
      const [tale, moved, later, ended] = [new Tale(), new Tale(), new Tale(), new Tale(nothing)];
      await writer.commit([tale, moved, later, ended].map((each) => each.start()));
      await writer.commit([moved.reply('charge')]);
      const dueAt = NOON + TIMEOUT + 200_000;
      const at = (saga: Tale, version: number, time = dueAt) => ({
        sagaId: saga.sagaId,
        version,
        dueAt: time,
      });
      await store.putOff([]);
      await store.putOff([at(tale, 1), at(moved, 1), at(later, 1, NOON), at(ended, 1), at(new Tale(), 1)]);
      const due = async (before: number) => (await store.dueSagas(before, 10)).map(({ sagaId }) => sagaId);
      expect((await due(dueAt - 1)).toSorted()).toEqual([moved.sagaId, later.sagaId].toSorted());
      expect(await store.dueSagas(dueAt, 10)).toContainEqual({
        sagaId: tale.sagaId,
        dueAt,
        digest: order.digest,
      });
      expect(await store.vitals(dueAt - 1)).toMatchObject({ overdue: 2 });
      await writer.commit([tale.reply('charge')]);
      expect(await due(dueAt - 1)).toContain(tale.sagaId);
    },
  );

  promised('a finished saga is never due', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    await writer.commit([tale.reply('charge')]);
    await writer.commit([tale.reply('ship')]);
    expect(await store.dueSagas(NOON + 3_600_000, 10)).toEqual([]);
  });

  promised('parked inputs wait, the oldest first, until a batch deals with them', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const parked = ['a', 'b', 'a', 'c'].map((digest, index) => ({
      sagaId: new Tale().sagaId,
      digest,
      code: 'UNKNOWN_DEFINITION',
      input: JSON.stringify({ index, text: '"\\{}\u0001' }),
    }));
    await writer.commit([], { park: parked.slice(0, 2) });
    await writer.commit([new Tale().start()], { park: parked.slice(2) });
    const found = await store.parkedInputs(['a', 'b'], 10);
    expect(found).toEqual(parked.slice(0, 3).map((input) => ({ ...input, id: expect.any(Number) })));
    expect(await store.parkedInputs(['a', 'b'], 1)).toEqual(found.slice(0, 1));
    expect(await store.parkedInputs([], 10)).toEqual([]);
    await writer.commit([], { unpark: found.slice(0, 2).map(({ id }) => id) });
    expect(await store.parkedInputs(['a', 'b', 'c'], 10)).toMatchObject(parked.slice(2));
  });

  promised("parked inputs of sagas that are held stand in nobody's way", async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [held, other, open, ended] = [new Tale(), new Tale(), new Tale(), new Tale(nothing)];
    await writer.commit([held, other, open, ended].map((tale) => tale.start()));
    await writer.commit([held.quarantine()]);
    const parked = [held, held, other, open, ended].map(({ sagaId }, n) => ({
      sagaId,
      digest: 'd',
      code: n === 1 ? 'QUARANTINED' : 'UNKNOWN_DEFINITION',
      input: `{"n":${n}}`,
    }));
    await writer.commit([], { park: parked });
    const ready = async (limit: number, except: string[] = []) =>
      (await store.parkedInputs(['d'], limit, { except })).map(({ sagaId }) => sagaId);
    expect(await ready(2)).toEqual([other.sagaId, open.sagaId]);
    expect(await ready(10)).toEqual([other.sagaId, open.sagaId, ended.sagaId]);
    expect(await ready(10, [other.sagaId, ended.sagaId])).toEqual([open.sagaId]);
    expect(await store.parkedInputs(['d'], 10)).toHaveLength(5);
    await writer.commit([held.add([{ type: 'finished', state: 'failed' }])]);
    expect(await ready(1)).toEqual([held.sagaId]);
  });

  promised('lists are pages of finished and unfinished sagas, the newest first', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tales = Array.from({ length: 7 }, (_, index) => new Tale(index % 3 === 0 ? nothing : order));
    // Not in the order of their ids, so that the order must come from the store.
    for (const tale of tales.toReversed()) await writer.commit([tale.start()]);
    const newestFirst = tales.map(({ sagaId }) => sagaId).toReversed();
    const pages: string[][] = [];
    let before: string | undefined;
    do {
      const rows = await store.list({ limit: 3, ...(before && { before }) });
      pages.push(rows.map(({ sagaId }) => sagaId));
      before = rows.at(-1)?.sagaId;
    } while (before);
    expect(pages).toEqual([newestFirst.slice(0, 3), newestFirst.slice(3, 6), newestFirst.slice(6), []]);
  });

  promised('lists are filtered by workflow, state and need of a person', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [running, held, later, ended] = [new Tale(), new Tale(), new Tale(), new Tale(nothing)];
    await writer.commit([running.start(), held.start(), later.start({}, NOON, NOON + 1_000), ended.start()]);
    await writer.commit([held.quarantine()]);
    const ids = async (query: object): Promise<string[]> =>
      (await store.list({ limit: 10, ...query })).map(({ sagaId }) => sagaId);
    expect(await ids({ workflow: 'nothing' })).toEqual([ended.sagaId]);
    expect(await ids({ workflow: 'order', states: ['pending', 'completed'] })).toEqual([later.sagaId]);
    expect(await ids({ states: ['running'] })).toEqual([held.sagaId, running.sagaId]);
    expect(await ids({ states: [] })).toEqual([]);
    expect(await ids({ attention: true })).toEqual([held.sagaId]);
    expect(await ids({ workflow: "order' OR true --" })).toEqual([]);
  });

  promised('histories that are not there are left out', async () => {
    const store = await openStore();
    const tale = new Tale();
    await (await Writer.on(store)).commit([tale.start()]);
    const stored = await store.load([new Tale().sagaId, tale.sagaId, tale.sagaId]);
    expect(stored.map(({ sagaId }) => sagaId)).toEqual([tale.sagaId]);
    expect(await store.load([])).toEqual([]);
    for (const nonsense of ['nonsense', tale.sagaId.toUpperCase(), '\u0000']) {
      expect(await store.load([nonsense])).toEqual([]);
      expect(await store.loadContext(nonsense)).toBeUndefined();
      expect(await store.deleteContext(nonsense)).toBe(false);
      expect(await store.findKeys([{ scope: 'request', key: nonsense }])).toEqual([]);
    }
  });

  promised('all who share the store agree on when a name was first seen', async () => {
    const [store, other] = [await openStore(), await openStore()];
    const before = await store.now();
    const first = await store.firstSeen('a "name" ä');
    expect(first).toBeGreaterThanOrEqual(before);
    expect(first).toBeLessThanOrEqual(await other.now());
    expect(await other.firstSeen('a "name" ä')).toBe(first);
    const both = await Promise.all([store, other].map((each) => each.firstSeen('another')));
    expect(both[0]).toBe(both[1]);
    expect(both[0]).toBeGreaterThanOrEqual(first);
  });

  promised('all who share the store have one secret and one clock', async () => {
    const [store, other] = [await openStore(), await openStore()];
    const secrets = await Promise.all([store.secret(), other.secret()]);
    expect(secrets[0].byteLength).toBeGreaterThanOrEqual(32);
    expect(Buffer.from(secrets[0]).equals(Buffer.from(secrets[1]))).toBe(true);
    const first = await store.now();
    const second = await other.now();
    expect(second).toBeGreaterThanOrEqual(first);
    expect(Number.isInteger(first)).toBe(true);
    const result = await (await Writer.on(store)).commit([]);
    expect(result).toMatchObject({ kind: 'committed' });
    if (result.kind === 'committed') expect(result.now).toBeGreaterThanOrEqual(second);
  });
}
