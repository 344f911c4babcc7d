import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowBuilder, fold, type Fact, type Workflow } from '@counterstep/core';
import { MemoryStore, type Logger } from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { Fleet, reached, succeed, type Member } from '../support/fleet.js';
import type { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const order = workflow(600_000);

function workflow(attemptTimeout: number): Workflow {
  return new WorkflowBuilder('order')
    .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout })
    .build();
}

let fleet: Fleet;
let held: Command[];
let responder: Responder;
let isHolding: boolean;
const errors: unknown[] = [];
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, facts) => errors.push({ message, ...facts }),
};

beforeEach(() => {
  fleet = new Fleet();
  held = [];
  errors.length = 0;
  isHolding = true;
  responder = fleet.respond((command) => {
    if (!isHolding) return succeed();
    held.push(command);
    return undefined;
  }, 'stock');
});

afterEach(() => fleet.close());

/** A process of a newer version writes a fact that this one does not know. */
async function writeFromTheFuture({ store }: Member, sagaId: string, confirmed: boolean): Promise<void> {
  const [stored] = await store.load([sagaId]);
  const saga = fold(sagaId, stored?.records ?? []);
  if (!saga) throw new Error('there is no such saga');
  const newer = new MemoryStore({ database: fleet.database });
  const lane = await newer.openLane([]);
  const facts = [{ type: 'fromTheFuture' } as unknown as Fact];
  const seq = saga.version + 1;
  const record = { seq, at: saga.updatedAt, event: 'novelty', facts, lane: lane.id, number: 1 };
  const write = { expectedVersion: saga.version, saga: { ...saga, version: seq }, records: [record] };
  await lane.commit({ writes: [write], confirmed: confirmed ? 1 : 0, park: [], unpark: [] });
  newer.crash();
}

/** A saga that waits for its worker and that this version cannot read, and its command. */
async function unreadable(member: Member): Promise<Command> {
  const sagaId = await member.orchestrator.executeWorkflow('order', {});
  const command = await waitFor(() => held.find(({ sagaid }) => sagaid === sagaId), { what: 'its command' });
  await writeFromTheFuture(member, sagaId, true);
  return command;
}

const errorsAbout = (sagaId: string) =>
  errors.filter((error) => (error as { sagaId?: string }).sagaId === sagaId);

describe('a saga whose history this version cannot read', () => {
  test('is parked, logged once, and keeps nobody else from working', async () => {
    const member = await fleet.join([order], { logger });
    const { orchestrator, store } = member;
    const command = await unreadable(member);
    const { sagaid } = command;
    await responder.reply(command, succeed());
    const parked = await waitFor(
      async () => {
        const found = await store.parkedInputs([order.digest], 10);
        return found.length > 0 && found;
      },
      { what: 'its reply is parked' },
    );
    expect(parked).toMatchObject([{ sagaId: sagaid, code: 'UNREADABLE_HISTORY' }]);
    isHolding = false;
    await reached(orchestrator, await orchestrator.executeWorkflow('order', {}), 'completed');
    await expect(orchestrator.cancelWorkflow(sagaid)).rejects.toMatchObject({ code: 'UNREADABLE_HISTORY' });
    await expect(orchestrator.getStatus(sagaid)).rejects.toMatchObject({ code: 'UNREADABLE_HISTORY' });
    expect(await orchestrator.getHistory(sagaid)).toHaveLength(2);
    expect(await store.parkedInputs([order.digest], 10)).toHaveLength(1);
    expect(errorsAbout(sagaid)).toHaveLength(1);
  });

  test('does not stop the sweep: others that are due go on', async () => {
    const quick = workflow(30);
    const dying = await fleet.join([quick]);
    const ids = await Promise.all([1, 2].map(() => dying.orchestrator.executeWorkflow('order', {})));
    const [victim, other] = ids as [string, string];
    await waitFor(() => held.length === 2, { what: 'both commands' });
    await writeFromTheFuture(dying, victim, true);
    await fleet.kill(dying);
    isHolding = false;
    const { orchestrator } = await fleet.join([quick], { logger });
    await reached(orchestrator, other, 'completed');
    await waitFor(() => errorsAbout(victim).length > 0, { what: 'the log says so' });
    expect(errorsAbout(victim)).toHaveLength(1);
  });

  test('in a dead lane does not keep the messages of others from being sent', async () => {
    const dying = await fleet.join([order]);
    fleet.broker.available = false;
    const ids = await Promise.all([1, 2].map(() => dying.orchestrator.executeWorkflow('order', {})));
    const [victim, other] = ids as [string, string];
    await writeFromTheFuture(dying, victim, false);
    await fleet.kill(dying);
    fleet.broker.available = true;
    isHolding = false;
    const { orchestrator } = await fleet.join([order], { logger });
    await reached(orchestrator, other, 'completed');
    expect(responder.received.map(({ sagaid }) => sagaid)).not.toContain(victim);
    // Its lanes stay, for a version that can read them.
    expect([...fleet.database.lanes.values()].filter(({ holder }) => holder === undefined)).not.toEqual([]);
  });
});
