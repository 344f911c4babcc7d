import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import type { Lane } from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { PostgresStore, migrate } from '@counterstep/store';
import { Fleet, reached, succeed, type Member } from '../support/fleet.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import type { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

jest.setTimeout(30_000);

const HOUR = 3_600_000;
const workflow = new WorkflowBuilder('order')
  .addStep('reserve', 'stock.reserve', { compensation: 'stock.release', attemptTimeout: HOUR })
  .waitForSignal('approved', { timeout: HOUR })
  .addStep('charge', 'stock.charge', { compensation: 'stock.refund', attemptTimeout: HOUR })
  .build();

/** Counts what it was told to write from an old version. */
class Watched extends PostgresStore {
  stale = 0;
  looks = 0;

  override async load(sagaIds: readonly string[]): ReturnType<PostgresStore['load']> {
    this.looks += 1;
    return super.load(sagaIds);
  }

  override async openLane(digests: readonly string[]): Promise<Lane> {
    const lane = await super.openLane(digests);
    return {
      id: lane.id,
      close: () => lane.close(),
      commit: async (batch) => {
        const result = await lane.commit(batch);
        if (result.kind === 'committed') this.stale += result.stale.length;
        return result;
      },
    };
  }
}

let database: FreshDatabase;
let fleet: Fleet;
/** The first has the partition of the replies, so all of them come to it. */
let holder: Member<Watched>;
let other: Member<Watched>;
let responder: Responder;
let sagaId: string;

beforeEach(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  fleet = new Fleet();
  const join = () => fleet.joinOn(new Watched({ url: database.url }), [workflow], { lanes: 1 });
  holder = await join();
  other = await join();
  responder = fleet.respond(() => undefined, 'stock');
  // Whoever starts it has it in its cache, at its first version.
  sagaId = await other.orchestrator.executeWorkflow('order', {}, { failureMode: 'hold' });
});

afterEach(async () => {
  await fleet.close();
  await database.drop();
});

const command = (step: string): Promise<Command> =>
  waitFor(() => responder.received.find((each) => each.step === step), { what: `the command of ${step}` });

/** The holder has decided about the reply, and the other knows nothing of it. */
async function replied(step: string, outcome: 'succeeded' | 'rejected' = 'succeeded'): Promise<void> {
  const seen = { holder: await records(), stale: other.store.stale };
  const error = { code: 'NO', message: 'no' };
  await responder.reply(
    await command(step),
    outcome === 'succeeded' ? succeed() : { outcome, data: { error } },
  );
  await waitFor(async () => (await records()) > seen.holder, { what: `the reply of ${step} is applied` });
}

const records = async (): Promise<number> => (await holder.orchestrator.getHistory(sagaId)).length;

/** How often each event stands in the history. */
async function count(event: string): Promise<number> {
  const history = await holder.orchestrator.getHistory(sagaId);
  return history.filter((record) => record.event === event).length;
}

describe('what is decided from an old version is decided again, and never lost:', () => {
  it('a signal', async () => {
    await replied('reserve');
    expect(other.store.stale).toBe(0);
    await other.orchestrator.signal(sagaId, 'approved');
    expect(other.store.stale).toBe(1);
    await replied('charge');
    expect(await reached(other.orchestrator, sagaId, 'completed')).toMatchObject({ state: 'completed' });
    expect(await count('signal')).toBe(1);
  });

  it('a reply', async () => {
    await replied('reserve');
    await holder.orchestrator.signal(sagaId, 'approved');
    await command('charge');
    await other.orchestrator.pause(sagaId);
    const before = holder.store.stale;
    await replied('charge');
    expect(holder.store.stale).toBe(before + 1);
    expect(await count('reply')).toBe(2);
    await other.orchestrator.resume(sagaId);
    expect(await reached(holder.orchestrator, sagaId, 'completed')).toMatchObject({ state: 'completed' });
  });

  it('a request that the old version refuses', async () => {
    await replied('reserve', 'rejected');
    // At its version nothing waits for a person.
    await other.orchestrator.intervene(sagaId, {
      verb: 'skip',
      step: 'reserve',
      actor: 'ann',
      reason: 'reserved by hand',
      output: { id: 'r-1' },
    });
    await other.orchestrator.signal(sagaId, 'approved');
    await replied('charge');
    expect(await reached(other.orchestrator, sagaId, 'completed')).toMatchObject({ state: 'completed' });
    expect(await count('intervene')).toBe(1);
  });

  it('a request that the old version ignores', async () => {
    await holder.orchestrator.pause(sagaId);
    // At its version the saga is not paused, and there is nothing to do.
    const looks = other.store.looks;
    await other.orchestrator.resume(sagaId);
    expect(other.store.looks).toBeGreaterThan(looks);
    expect(await count('resume')).toBe(1);
    expect(await holder.orchestrator.getStatus(sagaId)).toMatchObject({ phase: 'forward' });
  });

  it('a refusal, which is said again once the present says the same', async () => {
    await replied('reserve');
    await expect(
      other.orchestrator.intervene(sagaId, {
        verb: 'retry',
        step: 'reserve',
        actor: 'ann',
        reason: 'why not',
      }),
    ).rejects.toMatchObject({ code: 'NOTHING_WAITS' });
    expect(await count('intervene')).toBe(0);
  });

  it('a reply that the old version ignores', async () => {
    // To the holder, once it has its own copy, the first answer of the step is old news; the other has asked again since.
    await replied('reserve', 'rejected');
    await other.orchestrator.intervene(sagaId, {
      verb: 'retry',
      step: 'reserve',
      actor: 'ann',
      reason: 'there is stock again',
    });
    const again = await waitFor(
      () => responder.received.find((each) => each.step === 'reserve' && each.run === 2),
      { what: 'the command is sent again' },
    );
    await responder.reply(again, succeed());
    await waitFor(async () => (await count('reply')) === 2, { what: 'the reply is applied' });
    await other.orchestrator.signal(sagaId, 'approved');
    await replied('charge');
    expect(await reached(other.orchestrator, sagaId, 'completed')).toMatchObject({ state: 'completed' });
  });
});
