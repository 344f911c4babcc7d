import { WorkflowBuilder, isFinished, isLive } from '@counterstep/core';
import type { Workflow } from '@counterstep/core';
import { expect } from './runner.js';
import { NOON, TIMEOUT, Tale, Writer, nothing, order } from './sagas-for-stores.js';
import type { StoreSuite } from './store-conformance.js';

const HOUR = 3_600_000;

/** As `order`, undone after an hour. */
const timed = new WorkflowBuilder('timed')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .addStep('ship', 'shipping.ship', 'shipping.cancel')
  .withSagaTimeout(HOUR)
  .build() as Workflow;

const waits = new WorkflowBuilder('waits')
  .addParallelSteps([
    { name: 'paid', signal: 'paid', timeout: HOUR },
    { name: 'rest', sleep: 2 * HOUR },
  ])
  .build() as Workflow;

const broken = new WorkflowBuilder('broken')
  .addConditionalStep('a', 'q.a', () => {
    throw new Error('no such field');
  })
  .build() as Workflow;

const failed = (step: string) =>
  ({ type: 'reply', step, direction: 'forward', run: 1, attempt: 1, outcome: 'failed' }) as const;

/** Promise 6, as the store sees it. */
export function livenessPromises({ store: openStore, promised }: StoreSuite): void {
  promised('no saga hangs: each waits for a message, a moment or a person', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const later = new Tale();
    const held = new Tale();
    const paused = new Tale(timed);
    const retried = new Tale();
    const tales = [new Tale(), new Tale(timed), new Tale(waits), new Tale(broken), held, paused, retried];
    const done = new Tale();
    await writer.commit([
      ...tales.map((tale) => tale.start()),
      later.start({}, NOON, NOON + 1_000),
      done.complete(),
    ]);
    await writer.commit([
      held.quarantine(),
      paused.tell({ type: 'pause' }, NOON),
      retried.tell(failed('charge'), NOON),
    ]);
    for (const { saga } of [...tales, later, done]) expect(saga && isLive(saga)).toBe(true);
    expect(await store.hangingSagas(10)).toEqual([]);
    expect(await store.vitals(NOON)).toEqual({ hanging: 0, overdue: 0, attention: 1 });
  });

  promised('a saga that only its deadline would move is refused, as one that nothing would', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    for (const workflow of [timed, order]) {
      const tale = new Tale(workflow);
      await writer.commit([tale.start()]);
      const answer = { step: 'charge', direction: 'forward', attempt: 1, outcome: 'succeeded' } as const;
      const hanging = tale.add([{ type: 'replied', ...answer }]);
      expect([isLive(hanging.saga), isFinished(hanging.saga)]).toEqual([false, false]);
      await expect(writer.commit([hanging])).rejects.toMatchObject({ code: '23514' });
    }
    expect(await store.hangingSagas(10)).toEqual([]);
  });

  promised('a saga is due at its deadline too, unless its timers stand still', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [tale, paused, held] = [new Tale(timed), new Tale(timed), new Tale(timed)];
    const begun = [tale, paused, held].map((each) => each.start());
    await writer.commit(begun);
    const late = NOON + HOUR - 1_000;
    await writer.commit([
      tale.reply('charge', {}, late),
      paused.tell({ type: 'pause' }, NOON),
      held.quarantine(),
    ]);
    expect(await store.dueSagas(late, 10)).toEqual([]);
    expect(await store.dueSagas(NOON + HOUR - 1, 10)).toEqual([]);
    const { sagaId } = tale;
    const due = { sagaId, dueAt: NOON + HOUR, digest: timed.digest };
    expect(await store.dueSagas(NOON + HOUR, 10)).toEqual([due]);
    expect(await store.dueSagas(late + 2 * TIMEOUT, 10)).toEqual([due]);
    const [row] = await store.list({ states: ['running'], limit: 10 });
    expect((await store.list({ limit: 10 })).find((each) => each.sagaId === sagaId)).toMatchObject({
      dueAt: late + TIMEOUT,
      deadline: NOON + HOUR,
    });
    expect(row?.sagaId).toBe(held.sagaId);
    expect([row?.dueAt, row?.deadline]).toEqual([undefined, undefined]);
  });

  promised('vitals count what is overdue, since when, and what waits for a person', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [early, late, moved, held, ended] = [0, 0, 0, 0, 0].map(() => new Tale()) as [
      Tale,
      Tale,
      Tale,
      Tale,
      Tale,
    ];
    await writer.commit([
      early.start({}, NOON),
      late.start({}, NOON + 5_000),
      moved.start({}, NOON),
      held.start({}, NOON),
      new Tale(nothing).start(),
      ended.start({}, NOON),
    ]);
    await writer.commit([
      moved.reply('charge', {}, NOON + 60_000),
      held.quarantine(),
      ended.tell({ type: 'terminate', reason: 'enough' }, NOON),
    ]);
    expect(await store.vitals(NOON + TIMEOUT - 1)).toEqual({ hanging: 0, overdue: 0, attention: 1 });
    expect(await store.vitals(NOON + TIMEOUT + 4_999)).toEqual({
      hanging: 0,
      overdue: 1,
      oldestDueAt: NOON + TIMEOUT,
      attention: 1,
    });
    expect(await store.vitals(NOON + TIMEOUT + 5_000)).toMatchObject({
      overdue: 2,
      oldestDueAt: NOON + TIMEOUT,
    });
    // A finished saga may wait for a person too.
    await writer.commit([ended.reply('charge')]);
    expect((await store.vitals(NOON)).attention).toBe(2);
  });

  promised('the row shows all that a saga waits for', async () => {
    const store = await openStore();
    const writer = await Writer.on(store);
    const [waiting, stalled, running] = [new Tale(waits), new Tale(broken), new Tale()];
    await writer.commit([waiting.start(), stalled.start(), running.start()]);
    const rows = new Map((await store.list({ limit: 10 })).map((row) => [row.sagaId, row.position]));
    expect(rows.get(waiting.sagaId)).toEqual([
      ['paid', 'forward', 0, 0, 'signal', NOON + HOUR],
      ['rest', 'forward', 0, 0, 'sleep', NOON + 2 * HOUR],
    ]);
    expect(rows.get(stalled.sagaId)).toEqual([['a', 'forward', 0, 1, 'stalled', NOON + 500]]);
    expect(rows.get(running.sagaId)).toEqual([['charge', 'forward', 1, 1, 'running', NOON + TIMEOUT]]);
  });
}
