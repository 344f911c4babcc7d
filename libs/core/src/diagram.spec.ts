import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { drawn } from '../test-support/mermaid.js';
import type { Drawn } from '../test-support/mermaid.js';
import { RandomSaga, happenings, shapes, workflowOf } from '../test-support/random-saga.js';
import { SagaPlay } from '../test-support/saga-play.js';
import { WorkflowBuilder, mermaidOf, stateChart } from './index.js';
import type { Workflow } from './index.js';

const parcel = new WorkflowBuilder('parcel')
  .addStep('pack', 'ship.pack', 'ship.unpack')
  .addStep('label', 'ship.label', { readOnly: true })
  .build() as Workflow;

const order = new WorkflowBuilder('order')
  .addStep('reserve', 'stock.reserve', 'stock.release')
  .addParallelSteps(
    [
      { name: 'fraud', worker: 'risk.fraud', readOnly: true },
      { name: 'manager', signal: 'manager', approval: true, timeout: 7_200_000 },
    ],
    { join: 'any' },
  )
  .addMap('parcels', { over: () => [1, 2, 3], workflow: parcel, concurrency: 2 })
  .addConditionalStep('gift', 'shop.wrap', () => false, 'shop.unwrap')
  .addWorkflow('last', parcel)
  .sleep('cool-off', 300_000)
  .addStep('charge', 'pay.charge', { pivot: true, barrier: 'transaction' })
  .addStep('mail', 'mail.send', { retriable: true })
  .build() as Workflow;

const nodeOf = ({ nodes }: Drawn, start: string): string => {
  const found = [...nodes].find(([, text]) => text.split('<br/>')[0] === start);
  if (!found) throw new Error(`no node ${start}: ${[...nodes.values()].join(' | ')}`);
  return found[0];
};
const from = (picture: Drawn, start: string): string[] =>
  picture.edges
    .filter((edge) => edge.from === nodeOf(picture, start))
    .map(({ to, dotted }) => `${dotted ? '..' : ''}${picture.nodes.get(to) ?? ''}`);

describe('the picture of a definition', () => {
  let picture: Drawn;
  beforeAll(async () => {
    picture = await drawn(mermaidOf(order));
  });

  it('has a node for each member, with its worker and marks', () => {
    expect(picture.type).toMatch(/^flowchart/);
    const texts = [...picture.nodes.values()];
    expect(texts).toEqual(
      expect.arrayContaining([
        'order 1',
        'reserve<br/>stock.reserve',
        'fraud<br/>risk.fraud<br/>read only',
        'manager<br/>approval manager, 2 h',
        'cool-off<br/>sleep 5 min',
        'charge<br/>pay.charge<br/>pivot',
        'mail<br/>mail.send<br/>retriable',
        'done',
      ]),
    );
    expect(texts.filter((text) => text.startsWith('pack'))).toHaveLength(2);
  });

  it('boxes groups, maps and sub-workflows', () => {
    expect([...picture.boxes].sort()).toEqual([
      'last: workflow parcel 1',
      'parallel-1: any',
      'parcels: for each item, 2 at once',
      'parcels: workflow parcel 1',
    ]);
  });

  it('leads from one to the next, past what is not taken, and out of a group by its join', () => {
    expect(from(picture, 'order 1')).toEqual(['reserve<br/>stock.reserve']);
    expect(from(picture, 'fork')).toEqual([
      'fraud<br/>risk.fraud<br/>read only',
      'manager<br/>approval manager, 2 h',
    ]);
    expect(from(picture, 'fraud')).toEqual(['join']);
    expect(from(picture, 'join')).toEqual(['pack<br/>ship.pack']);
    expect(from(picture, 'gift?')).toEqual(['gift<br/>shop.wrap', 'pack<br/>ship.pack']);
    expect(from(picture, 'mail')).toEqual(['done']);
  });

  it('dots the way to what undoes a step, and marks the pivot', () => {
    expect(from(picture, 'reserve')).toEqual(['..stock.release', 'fork']);
    expect(picture.classes.get(nodeOf(picture, 'charge'))).toEqual(['pivot']);
    expect(picture.classes.get(nodeOf(picture, 'stock.release'))).toEqual(['undo']);
  });
});

describe('the picture of a saga', () => {
  const pictured = (play: SagaPlay): Promise<Drawn> => drawn(mermaidOf(play.workflow, play.saga));
  const stateOf = (picture: Drawn, start: string): string => {
    const id = nodeOf(picture, start);
    const [, , ...words] = (picture.nodes.get(id) ?? '').split('<br/>');
    return `${picture.classes.get(id)?.join(' ') ?? ''}: ${words.join(', ')}`;
  };

  it('tells what is done, runs, waits, and is still to come', async () => {
    const play = new SagaPlay(order).start().fail('reserve').wait().succeed('reserve').fail('fraud', 'BUSY');
    const picture = await pictured(play);
    expect(stateOf(picture, 'reserve')).toBe('done: succeeded after 2 attempts');
    expect(stateOf(picture, 'fraud')).toBe('waiting: read only, attempt 1 failed: BUSY');
    expect(stateOf(picture, 'manager')).toBe(
      `waiting: until ${new Date(play.now + 7_200_000).toISOString()}`,
    );
    expect(stateOf(picture, 'mail')).toBe(': retriable');
    expect([...picture.nodes.values()].at(-1)).toBe('running');
  });

  it('counts the items of a map, and shows what was lost and not taken', async () => {
    const play = new SagaPlay(order).start().succeed('reserve').succeed('fraud');
    play.succeed('parcels/0/pack').succeed('parcels/0/label');
    const picture = await pictured(play);
    expect(stateOf(picture, 'manager')).toMatch(/^lost: given up, lost$/);
    expect(stateOf(picture, 'pack')).toBe('running: 2 running, 1 done');
    expect(picture.boxes).toContain('parcels: for each item, 2 at once, 3 items, running');
    for (const index of [1, 2]) play.succeed(`parcels/${index}/pack`).succeed(`parcels/${index}/label`);
    expect(stateOf(await pictured(play), 'gift')).toBe('skipped: not taken');
  });

  it('shows the undo, and where a person is waited for', async () => {
    const play = new SagaPlay(parcel).start().succeed('pack').reject('label', 'NO_PAPER');
    const picture = await pictured(play);
    expect(picture.classes.get(nodeOf(picture, 'label'))).toEqual(['failed']);
    expect(picture.nodes.get(nodeOf(picture, 'ship.unpack'))).toBe('ship.unpack<br/>attempt 1');
    expect(picture.classes.get(nodeOf(picture, 'ship.unpack'))).toEqual(['undoing']);
    const error = { code: 'GONE', message: 'gone', retryable: false };
    const stuck = await pictured(play.fail('pack', 'GONE', { direction: 'undo', error }));
    expect(stuck.classes.get(nodeOf(stuck, 'ship.unpack'))).toEqual(['stuck']);
    const ended = await pictured(play.undone('pack'));
    expect(ended.classes.get(nodeOf(ended, 'ship.unpack'))).toEqual(['undone']);
    expect([...ended.nodes.values()].at(-1)).toBe('compensated');
  });
});

describe('every picture', () => {
  it('is one that Mermaid reads, of whatever definition and saga', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, happenings, async (shape, list) => {
        const workflow = workflowOf(shape);
        const random = new RandomSaga(workflow);
        for (const happening of list) random.happen(happening);
        const [plain, running] = [
          await drawn(mermaidOf(workflow)),
          await drawn(mermaidOf(workflow, random.saga)),
        ];
        const texts = [...plain.nodes.values()];
        // A node for each step and for each undo; the same arrows whether it runs or not.
        expect(texts.filter((text) => text.includes('q.do')).length).toBe(
          workflow.allSteps().filter(({ worker }) => worker === 'q.do').length,
        );
        expect(plain.edges.filter(({ dotted }) => dotted)).toHaveLength(
          workflow.allSteps().filter(({ compensation }) => compensation !== undefined).length,
        );
        expect(running.edges).toEqual(plain.edges);
        expect([...running.nodes.keys()]).toEqual([...plain.nodes.keys()]);
      }),
      { numRuns: 40, seed: 20_261_121 },
    );
  }, 60_000);

  it('survives any name, code and message', async () => {
    const evil = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc
        .array(
          fc.constantFrom(
            'end',
            '"',
            '`',
            '#',
            ';',
            '%%',
            '-->',
            '<b>',
            '\n',
            '%%{init: {}}%%',
            '[',
            '}',
            'subgraph',
            '&',
            '\\',
            '|',
            ':::',
            'click n1 href',
            '#quot;',
            '#35;',
            'ﬂ',
          ),
          { maxLength: 6 },
        )
        .map((parts) => parts.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(evil, evil, async (name, code) => {
        const play = new SagaPlay(parcel).start().succeed('pack').fail('label', code);
        // No builder lets such names pass; a description that was tampered with might.
        const items = parcel.items.map((item, index) =>
          index === 0 ? { ...item, worker: name, compensation: name } : item,
        );
        const renamed = Object.create(parcel, { name: { value: name }, items: { value: items } }) as Workflow;
        const picture = await drawn(mermaidOf(renamed, play.saga));
        expect([...picture.nodes]).toHaveLength(5);
        expect(picture.edges).toHaveLength(4);
        // Spaces at the ends are Mermaid's to drop.
        const title = `${name} 1`.replace(/^ +/, '');
        expect([...picture.nodes.values()][0]).toEqual(title.length > 80 ? expect.anything() : title);
      }),
      { numRuns: 100, seed: 20_261_121 },
    );
  }, 60_000);

  it('is refused by Mermaid when it is broken, so these tests can fail', async () => {
    await expect(drawn('flowchart TB\n  n1["x --> n2')).rejects.toThrow(/Parse error/);
  });
});

describe('the chart of the states', () => {
  it('is one that Mermaid reads', async () => {
    expect((await drawn(stateChart())).type).toMatch(/^state/);
  });
});
