import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Desk, sagaOf } from './support/desk.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let orchestrator: OrchestratorProcess;
let desk: Desk;

beforeAll(async () => {
  system = await System.create();
  desk = await Desk.open(system);
  desk.startWorker();
  orchestrator = await system.startOrchestrator();
  await orchestrator.ready();
}, 90_000);

afterEach(async () => {
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

describe('sagas of every shape over Kafka and Postgres', () => {
  it('a workflow in a workflow is undone with its parent, in reverse, within one saga', async () => {
    const sagaId = await desk.start(orchestrator, 'parent', { pay: ['reject'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'compensated', cause: { step: 'pay' } });
    expect(await desk.ledger(sagaId)).toEqual([
      'reserve',
      'parcel/pick',
      'parcel/wrap',
      'undo parcel/wrap',
      'undo parcel/pick',
      'undo reserve',
    ]);
  }, 60_000);

  it('a child that fails undoes its own steps and those of its parent', async () => {
    const sagaId = await desk.start(orchestrator, 'parent', { 'parcel/wrap': ['reject'] });
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'compensated',
      cause: { step: 'parcel/wrap' },
    });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'parcel/pick', 'undo parcel/pick', 'undo reserve']);
  }, 60_000);

  it('a map runs one effect per item, no more at once than it may, and gives the list of their results', async () => {
    const sagaId = await desk.start(
      orchestrator,
      'each',
      { 'pack/0': ['hold'], 'pack/1': ['hold'] },
      { items },
    );
    await desk.arrived(sagaId, 'pack/0');
    await desk.arrived(sagaId, 'pack/1');
    expect((await sagaOf(orchestrator, sagaId)).currentSteps.filter(isItem)).toEqual(['pack/0', 'pack/1']);
    await desk.openGate(sagaId, 'pack/1');
    await desk.wrote(sagaId, 'pack/3');
    await desk.openGate(sagaId, 'pack/0');
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'completed',
      stepResults: { pack: items.map((_, i) => ({ key: `${sagaId}/pack/${i}/1/forward` })) },
    });
    expect((await desk.ledger(sagaId)).sort()).toEqual(['pack/0', 'pack/1', 'pack/2', 'pack/3', 'seal']);
  }, 60_000);

  it('a map of which an item fails undoes the others, and a map over no list is rejected', async () => {
    const fails = await desk.start(orchestrator, 'each', { 'pack/2': ['giveUp'] }, { items });
    const noList = await desk.start(orchestrator, 'each', {}, { items: 'four' });
    expect(await orchestrator.ended(fails)).toMatchObject({
      state: 'compensated',
      cause: { code: 'GAVE_UP', step: 'pack/2' },
    });
    const done = await desk.ledger(fails);
    const packed = done.filter((line) => !line.startsWith('undo '));
    expect(packed).not.toContain('pack/2');
    expect(done.slice(packed.length).sort()).toEqual(packed.map((line) => `undo ${line}`).sort());
    expect(await orchestrator.ended(noList)).toMatchObject({
      state: 'compensated',
      cause: { code: 'MAP_NOT_A_LIST', step: 'pack' },
    });
  }, 60_000);

  it('a group of which one is enough goes on with the first; the others are told, and undone', async () => {
    const sagaId = await desk.start(orchestrator, 'any-carrier', { north: ['heed'], south: ['hold'] });
    await desk.wrote(sagaId, 'ship');
    await desk.arrived(sagaId, 'north:SUPERSEDED');
    expect((await orchestrator.status(sagaId)).state).toBe('running');
    await desk.openGate(sagaId, 'south');
    expect(await orchestrator.ended(sagaId)).toMatchObject({ state: 'completed' });
    expect((await desk.standing(sagaId)).sort()).toEqual(['ship', 'west']);
    expect(await desk.ledger(sagaId)).toContain('undo south');
  }, 60_000);

  it('a group of which two are enough goes on with two, and is undone when two have failed', async () => {
    const met = await desk.start(orchestrator, 'two-carriers', { north: ['reject'] });
    const failed = await desk.start(orchestrator, 'two-carriers', { north: ['reject'], west: ['reject'] });
    expect(await orchestrator.ended(met)).toMatchObject({ state: 'completed' });
    expect((await desk.standing(met)).sort()).toEqual(['ship', 'south', 'west']);
    expect(await orchestrator.ended(failed)).toMatchObject({ state: 'compensated' });
    expect(await desk.standing(failed)).toEqual([]);
  }, 60_000);

  it('a saga whose time is over is undone as if it were cancelled', async () => {
    const sagaId = await desk.start(orchestrator, 'hurried');
    expect(await orchestrator.ended(sagaId)).toMatchObject({
      state: 'cancelled',
      cause: { code: 'DEADLINE' },
    });
    expect(await desk.ledger(sagaId)).toEqual(['reserve', 'undo reserve']);
  }, 60_000);
});

const items = ['pen', 'ink', 'cup', 'hat'];

function isItem(path: string): boolean {
  return path.startsWith('pack/');
}
