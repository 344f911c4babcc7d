import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowBuilder, isLive, type Workflow } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import { Fleet, reached } from '../support/fleet.js';
import type { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const [v1, v2] = [workflow(1), workflow(2)];
const PATIENCE = { unknownDefinitionAfter: 100 };

function workflow(version: number): Workflow {
  return new WorkflowBuilder('order', { version })
    .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: 600_000 })
    .build();
}

let fleet: Fleet;
let held: Command[];
let responder: Responder;

beforeEach(() => {
  fleet = new Fleet();
  held = [];
  responder = fleet.respond((command) => {
    held.push(command);
    return undefined;
  }, 'stock');
});

afterEach(() => fleet.close());

const commandOf = (sagaId: string) =>
  waitFor(() => held.find(({ sagaid }) => sagaid === sagaId), { what: `the command of ${sagaId}` });

describe('a saga whose definition nobody alive has', () => {
  test('is held for a person after a while, by whoever sees it, and says what is missing', async () => {
    const old = await fleet.join([v1]);
    const sagaId = await old.orchestrator.executeWorkflow('order', {});
    const command = await commandOf(sagaId);
    await old.orchestrator.stop();
    const { orchestrator, store } = await fleet.join([v2], PATIENCE);
    const status = await reached(orchestrator, sagaId, 'attention');
    expect(status).toMatchObject({
      state: 'running',
      attention: [{ code: 'UNKNOWN_DEFINITION', message: expect.stringContaining('order@1'), hold: true }],
    });
    const context = await store.loadContext(sagaId);
    expect(context && isLive(context.saga)).toBe(true);
    await responder.reply(command, { outcome: 'succeeded', data: { output: {} } });
    await waitFor(async () => (await store.parkedInputs([v1.digest], 10)).length === 1, {
      what: 'its reply is parked',
    });
    expect((await orchestrator.getHistory(sagaId)).map(({ event }) => event)).toEqual([
      'start',
      'quarantine',
    ]);
  });

  test('goes on by itself when its definition is back, with what came for it meanwhile', async () => {
    const old = await fleet.join([v1]);
    const [replied, waiting] = (await Promise.all(
      [1, 2].map(() => old.orchestrator.executeWorkflow('order', {})),
    )) as [string, string];
    const commands = await Promise.all([replied, waiting].map(commandOf));
    await old.orchestrator.stop();
    const { orchestrator, store } = await fleet.join([v2], PATIENCE);
    for (const sagaId of [replied, waiting]) await reached(orchestrator, sagaId, 'attention');
    const done = { outcome: 'succeeded', data: { output: {} } } as const;
    await responder.reply(commands[0] as Command, done);
    await waitFor(async () => (await store.parkedInputs([v1.digest], 10)).length === 1, {
      what: 'a reply is parked',
    });
    const back = await fleet.join([v1, v2], PATIENCE);
    await reached(back.orchestrator, replied, 'completed');
    await reached(back.orchestrator, waiting, 'forward');
    await responder.reply(commands[1] as Command, done);
    await reached(back.orchestrator, waiting, 'completed');
    const history = await back.orchestrator.getHistory(waiting);
    expect(history.map(({ event }) => event)).toEqual(['start', 'quarantine', 'intervene', 'reply']);
    await waitFor(async () => (await store.parkedInputs([v1.digest, v2.digest], 10)).length === 0, {
      what: 'nothing is parked any more',
    });
  });

  test('is left alone while another orchestrator has it, and nobody else is held', async () => {
    const keeper = await fleet.join([v1], PATIENCE);
    const gone = await fleet.join([workflow(3)]);
    const { orchestrator } = await fleet.join([v2], PATIENCE);
    const kept = await keeper.orchestrator.executeWorkflow('order', {});
    const own = await orchestrator.executeWorkflow('order', {});
    const orphan = await gone.orchestrator.executeWorkflow('order', {});
    await commandOf(orphan);
    await fleet.kill(gone);
    // By then the others were looked at as often.
    await reached(orchestrator, orphan, 'attention');
    for (const sagaId of [kept, own])
      expect(await orchestrator.getStatus(sagaId)).toMatchObject({ phase: 'forward' });
  });
});

describe('a definition that was changed under its old version', () => {
  const changed = new WorkflowBuilder('order', { version: 1 })
    .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: 700_000 })
    .build();

  test('does not start while a saga is pinned to what it was, and says what to do', async () => {
    const { orchestrator } = await fleet.join([v1]);
    const sagaId = await orchestrator.executeWorkflow('order', {});
    await expect(fleet.join([changed, v2])).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'VERSION_CONFLICT',
      message: expect.stringMatching(/^order@1 .* 1 unfinished saga.* give the changed one a new version/),
    });
    await responder.reply(await commandOf(sagaId), { outcome: 'succeeded', data: { output: {} } });
    await reached(orchestrator, sagaId, 'completed');
    await fleet.join([changed, v2]);
  });
});

test('a builder in the place of a workflow is refused, and the error says what to pass', async () => {
  const builder = new WorkflowBuilder('order').addStep('pick', 'stock.pick') as unknown as Workflow;
  await expect(fleet.join([builder])).rejects.toMatchObject({
    code: 'NOT_A_WORKFLOW',
    message: expect.stringContaining('build()'),
  });
});
