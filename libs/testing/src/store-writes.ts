import { fold, rowOf } from '@counterstep/core';
import { StoreContentError } from '@counterstep/engine';
import { expect } from './runner.js';
import { NOON, Tale, Writer, nothing } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

const committed = { kind: 'committed', stale: [], now: expect.any(Number) };
const staleFor = (...tales: Tale[]): object => ({ ...committed, stale: tales.map(({ sagaId }) => sagaId) });

/** What one batch does, and what it leaves alone. */
export function writePromises({ store: openStore, harness, promised }: StoreSuite): void {
  promised('a start, a step and the end are written, each with its records', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    for (const move of [tale.start(), tale.reply('charge'), tale.reply('ship')])
      expect(await writer.commit([move])).toEqual(committed);
    const [stored] = await store.load([tale.sagaId]);
    expect(stored?.records).toEqual(
      tale.history.map((record, index) => ({ ...record, lane: writer.lane.id, number: index + 1 })),
    );
    expect(tale.saga?.state).toBe('completed');
  });

  promised('several records of one saga are one write', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    const start = tale.start();
    await writer.commit([start]);
    const [charge, ship] = [tale.reply('charge'), tale.reply('ship')];
    const both = { expectedVersion: 1, saga: ship.saga, records: [...charge.records, ...ship.records] };
    expect(await writer.commit([both])).toEqual(committed);
    expect((await store.load([tale.sagaId]))[0]?.records.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  promised('a saga may start and finish in one batch', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [brief, whole] = [new Tale(nothing), new Tale()];
    const moves = [brief.start(), whole.complete()];
    expect(await writer.commit(moves)).toEqual(committed);
    const rows = await store.list({ states: ['completed'], limit: 10 });
    expect(rows.map(({ sagaId }) => sagaId)).toEqual([whole.sagaId, brief.sagaId]);
  });

  promised('row and fold of the history are the same saga after every write', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    const asIs = async (): Promise<void> => {
      const [stored] = await store.load([tale.sagaId]);
      const folded = fold(tale.sagaId, stored?.records ?? []);
      expect(folded).toEqual(tale.saga);
      expect(await store.list({ limit: 10 })).toEqual(folded ? [rowOf(folded)] : []);
    };
    await asIs();
    await writer.commit([tale.start({ amount: 5 }, NOON, NOON + 60_000)]);
    await asIs();
    await writer.commit([tale.tell({ type: 'timer' }, NOON + 60_000)]);
    await asIs();
    await writer.commit([tale.reply('charge', { paid: true }, NOON + 61_000)]);
    await asIs();
    const failure = { outcome: 'rejected', error: { code: 'NO_ROAD', message: 'cannot ship' } } as const;
    const ship = {
      type: 'reply',
      step: 'ship',
      direction: 'forward',
      run: 1,
      attempt: 1,
      ...failure,
    } as const;
    await writer.commit([tale.tell(ship, NOON + 62_000)]);
    await asIs();
    const refund = { step: 'charge', direction: 'undo', run: 1, attempt: 1, outcome: 'succeeded' } as const;
    await writer.commit([tale.tell({ type: 'reply', ...refund }, NOON + 63_000)]);
    await asIs();
    expect(tale.saga).toMatchObject({ state: 'compensated', cause: { code: 'NO_ROAD' } });
  });

  promised(
    'a write whose saga has moved on writes nothing, and the others of its batch are written',
    async () => {
      const store = await openStore();
      const [first, second] = [await Writer.on(store), await Writer.on(await openStore())];
      const [tale, other, third] = [new Tale(), new Tale(), new Tale()];
      await first.commit([tale.start(), other.start()]);
      const rival = new Tale(undefined, tale.sagaId);
      rival.start();
      await first.commit([tale.reply('charge', { by: 'first' })]);
      const moves = [rival.reply('charge', { by: 'second' }), other.reply('charge'), third.start()];
      expect(await second.commit(moves)).toEqual(staleFor(rival));
      const byId = new Map(
        (await store.load([tale.sagaId, other.sagaId, third.sagaId])).map((s) => [s.sagaId, s]),
      );
      expect(byId.get(tale.sagaId)?.records.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(JSON.stringify(byId.get(tale.sagaId))).toContain('"by":"first"');
      expect(byId.get(other.sagaId)?.records).toHaveLength(2);
      expect(byId.get(third.sagaId)?.records).toHaveLength(1);
    },
  );

  promised('what a stale write of a batch would have parked is not parked', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [tale, other, third] = [new Tale(), new Tale(), new Tale()];
    await writer.commit([tale.start(), other.start(), third.start()]);
    const behind = new Tale(undefined, tale.sagaId);
    behind.start();
    await writer.commit([tale.reply('charge')]);
    const park = [tale, other, third].map(({ sagaId }) => ({ sagaId, digest: 'd', code: 'X', input: '{}' }));
    const result = await writer.commit([behind.quarantine(), other.quarantine()], { park });
    expect(result).toEqual(staleFor(tale));
    expect((await store.parkedInputs(['d'], 10)).map(({ sagaId }) => sagaId)).toEqual([
      other.sagaId,
      third.sagaId,
    ]);
  });

  promised('an end that was decided from another version writes nothing', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [late, early] = [new Tale(), new Tale()];
    await writer.commit([late.start(), early.start()]);
    const behind = new Tale(undefined, late.sagaId);
    behind.start();
    const charge = behind.reply('charge');
    const ship = behind.reply('ship');
    const end = { expectedVersion: 1, saga: ship.saga, records: [charge.record, ship.record] };
    await writer.commit([late.reply('charge')]);
    early.reply('charge');
    expect(await writer.commit([end, early.reply('ship')])).toEqual(staleFor(late, early));
    const rows = await store.list({ limit: 10 });
    expect(rows.map(({ state, version }) => [state, version])).toEqual([
      ['running', 1],
      ['running', 2],
    ]);
    expect((await store.load([late.sagaId, early.sagaId])).flatMap(({ records }) => records)).toHaveLength(3);
  });

  promised('of two lanes that move one saga at once, one succeeds', async () => {
    const writers = [await Writer.on(await openStore()), await Writer.on(await openStore())];
    const tales = [new Tale()];
    const [writer] = writers as [Writer, Writer];
    await writer.commit(tales.map((tale) => tale.start()));
    const [tale] = tales as [Tale];
    for (const step of ['charge', 'ship']) {
      const move = tale.reply(step);
      const results = await Promise.all(writers.map((each) => each.commit([move])));
      expect(results).toEqual(expect.arrayContaining([committed, staleFor(tale)]));
    }
  });

  promised('of two lanes that start one saga at once, one succeeds', async () => {
    const writers = [await Writer.on(await openStore()), await Writer.on(await openStore())];
    const tale = new Tale();
    const move = tale.start();
    const results = await Promise.all(writers.map((writer) => writer.commit([move])));
    expect(results).toEqual(expect.arrayContaining([committed, staleFor(tale)]));
  });

  promised('a start of a saga that exists is stale, finished or not', async () => {
    const writer = await Writer.on(await openStore());
    const [running, finished] = [new Tale(), new Tale()];
    await writer.commit([running.start(), finished.complete()]);
    const again = [running, finished].map(({ sagaId }) => new Tale(undefined, sagaId));
    expect(await writer.commit(again.map((tale) => tale.start()))).toEqual(staleFor(running, finished));
    expect(await writer.commit(again.map(({ sagaId }) => new Tale(nothing, sagaId).start()))).toEqual(
      staleFor(running, finished),
    );
  });

  promised('a write to a saga that does not exist is stale', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [tale, ended] = [new Tale(), new Tale()];
    tale.start();
    ended.start();
    ended.reply('charge');
    expect(await writer.commit([tale.reply('charge'), ended.reply('ship')])).toEqual(staleFor(tale, ended));
    expect(await store.load([tale.sagaId, ended.sagaId])).toEqual([]);
  });

  promised('a finished saga takes one more record, and is not brought back to life', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.complete()]);
    const late = tale.add([{ type: 'attention', code: 'LATE_EFFECT', message: 'look at it', step: 'ship' }]);
    expect(await writer.commit([late])).toEqual(committed);
    expect(await writer.commit([late])).toEqual(staleFor(tale));
    expect(await store.list({ attention: true, limit: 10 })).toEqual([rowOf(late.saga)]);
    const alive = { ...late.saga, state: 'running', paused: true, version: 5 } as const;
    const record = { seq: 5, at: NOON, event: 'reply', facts: [] };
    expect(await writer.commit([{ expectedVersion: 4, saga: alive, records: [record] }])).toEqual(
      staleFor(tale),
    );
    expect((await store.load([tale.sagaId]))[0]?.records).toHaveLength(4);
  });

  promised('text of any kind comes back as it was', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const texts = [
      '\u0000',
      '\ud800',
      '"\\\'{},;NULL',
      '$1 %s \n\r\t',
      '🦒 ä \u202e',
      '__proto__',
      '-- /* */',
      '',
    ];
    const tale = new Tale();
    await writer.commit([tale.start({ text: texts.join('|'), NULL: 'NULL' })]);
    await writer.commit([tale.reply('charge', { texts, 'a"b{}': { '\u0000': texts } })]);
    await writer.commit([tale.add([{ type: 'attention', code: 'X', message: texts.join('|') }])]);
    expect((await store.loadContext(tale.sagaId))?.saga).toEqual(tale.saga);
    expect((await store.list({ limit: 1 }))[0]).toEqual(tale.saga && rowOf(tale.saga));
  });

  promised('what was written is not changed by who wrote it, nor by who reads it', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    const output = { items: [1] };
    await writer.commit([tale.start(), new Tale().start()]);
    await writer.commit([tale.reply('charge', output)]);
    output.items.push(2);
    const [read] = await store.load([tale.sagaId]);
    (read?.records as unknown[]).pop();
    const [row] = await store.list({
      workflow: 'order',
      before: 'ffffffff-0000-7000-8000-000000000000',
      limit: 1,
    });
    (row?.position as unknown[]).length = 0;
    const [again] = await store.load([tale.sagaId]);
    expect(again?.records).toHaveLength(2);
    expect(JSON.stringify(again)).toContain('"items":[1]');
    expect((await store.list({ limit: 1 }))[0]?.position).toHaveLength(1);
  });

  promised('500 writes in one batch are one transaction', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    await writer.commit([]);
    const before = await harness().transactions?.();
    const tales = Array.from({ length: 500 }, () => new Tale());
    expect(await writer.commit(tales.map((tale) => tale.start()))).toEqual(committed);
    const after = await harness().transactions?.();
    expect(
      (await store.load(tales.map(({ sagaId }) => sagaId))).flatMap(({ records }) => records),
    ).toHaveLength(500);
    expect((after ?? 1) - (before ?? 0)).toBe(1);
  });

  promised('a batch that cannot be stored is refused as a whole, and the lane goes on', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [good, bad] = [new Tale(), new Tale()];
    const start = good.start();
    const key = { scope: 'request', key: 'nul \u0000', bodyHash: 'h' };
    const batch = [writer.write(start), writer.write(bad.start(), key)];
    await expect(writer.commitWrites(batch)).rejects.toThrow(StoreContentError);
    await expect(writer.commitWrites(batch)).rejects.toMatchObject({ code: '22021', retryable: false });
    expect(await store.list({ limit: 10 })).toEqual([]);
    expect(await writer.commit([start])).toEqual(committed);
  });

  promised('a write that would leave a gap in the history, or wait for nothing, is refused', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const tale = new Tale();
    await writer.commit([tale.start()]);
    const move = tale.reply('charge');
    const gap = { ...move, records: [{ ...move.record, seq: 3 }], saga: { ...move.saga, version: 3 } };
    const idle = { ...move, saga: { ...move.saga, steps: {} } };
    const silent = { ...move, records: [] };
    for (const wrong of [gap, idle, silent])
      await expect(writer.commit([wrong])).rejects.toMatchObject({
        name: 'StoreContentError',
        code: '23514',
      });
    expect(await writer.commit([move])).toEqual(committed);
  });
}
