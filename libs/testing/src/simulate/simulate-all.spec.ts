import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { WorkflowBuilder } from '@counterstep/core';
import type { Workflow } from '@counterstep/core';
import { simulateAll } from './simulate-all.js';
import type { SimulationReport } from './report.js';

const ship = new WorkflowBuilder('ship')
  .addStep('book', 'shipping.book', 'shipping.unbook')
  .addStep('label', 'shipping.label', 'shipping.unlabel')
  .build();

const trip = new WorkflowBuilder('trip', { input: z.object({ seats: z.array(z.string()) }) })
  .withRetryConfig({ maxRetries: 1 })
  .addMap('hold', { over: (c) => c.get('seats'), worker: 'seats.hold', compensation: 'seats.free' })
  .addParallelSteps([
    { name: 'flight', worker: 'flights.book', compensation: 'flights.cancel' },
    { name: 'hotel', worker: 'hotels.book', compensation: 'hotels.cancel', barrier: 'external' },
    { name: 'papers', workflow: ship },
  ])
  .waitForApproval('agreed', { timeout: 60_000 })
  .waitForSignal('note', { timeout: 60_000, onTimeout: 'continue' })
  .sleep('night', 1_000)
  .addStep('charge', 'payments.charge', { pivot: true })
  .addStep('mail', 'mails.send', { retriable: true })
  .build();

const two = (name: string): WorkflowBuilder =>
  new WorkflowBuilder(name).withRetryConfig({ maxRetries: 1 }).addStep('first', 'q.first', 'q.unfirst');

const three = [
  { name: 'a', worker: 'q.a', compensation: 'q.una' },
  { name: 'b', worker: 'q.b', compensation: 'q.unb' },
  { name: 'c', worker: 'q.c', compensation: 'q.unc' },
] as const;

const sound: readonly [string, Workflow][] = [
  ['a map, a sub-workflow, signals, a pivot', trip],
  [
    'a quorum',
    two('q')
      .addParallelSteps([...three], { join: { quorum: 2 } })
      .addStep('d', 'q.d', 'q.und')
      .build(),
  ],
  [
    'any, and what is late is kept',
    two('q')
      .addParallelSteps([...three], { join: 'any', keep: true })
      .build(),
  ],
  [
    'settle',
    two('q')
      .addParallelSteps([...three], { join: 'settle' })
      .addStep('d', 'q.d', 'q.und')
      .build(),
  ],
  [
    'fail fast',
    two('q')
      .addParallelSteps(
        three.map((step) => ({ ...step, barrier: 'external' as const })),
        { onFailure: 'failFast' },
      )
      .build(),
  ],
  ['people who are asked', two('q').withFailureMode('hold').addStep('d', 'q.d', 'q.und').build()],
  ['a deadline', two('q').withSagaTimeout(3_600_000).addStep('d', 'q.d', 'q.und').build()],
  [
    'a map that tolerates failures',
    two('q')
      .addMap('all', { over: () => [1, 2, 3, 4, 5], workflow: ship, concurrency: 2, tolerate: { count: 1 } })
      .build(),
  ],
];

/** `CODE step`, each problem. */
function problemsOf(report: SimulationReport): string[] {
  return report.problems.map(({ code, step }) => `${code} ${step ?? ''}`.trim()).sort();
}

describe('a simulation of everything that goes wrong', () => {
  test.each(sound)('finds nothing wrong with %s', (_, workflow) => {
    const report = simulateAll(workflow);
    expect(problemsOf(report)).toEqual([]);
    report.assertClean();
    expect(report.runs.length).toBeGreaterThan(100);
  });

  test('lets each fault happen to each step and each undo', () => {
    const report = simulateAll(two('pair').addStep('last', 'q.last', 'q.unlast').build());
    const faults = report.runs.map(({ fault }) => fault);
    for (const step of ['first', 'last', 'the undo of first', 'the undo of last'])
      for (const fault of [
        `${step} is rejected`,
        `every attempt at ${step} fails`,
        `no command of ${step} is taken in time`,
        `the worker dies after the effect of ${step} and before its reply, and comes back`,
        `the command of ${step} comes twice, at the same time`,
        `the reply of ${step} comes twice`,
      ])
        expect(faults.filter((each) => each.includes(fault)).length).toBeGreaterThan(0);
    for (const step of ['first', 'last'])
      for (const when of ['after its undo was sent', 'after its undo', 'after the saga has ended'])
        expect(faults).toContain(`the reply of ${step} comes only ${when}`);
  });

  test('tells how each saga ended, and what a person was asked', () => {
    const report = simulateAll(two('pair').addStep('last', 'q.last', 'q.unlast').build());
    const endOf = (fault: string): unknown => {
      const found = report.runs.find((run) => run.fault === fault && run.barrier === 'transaction');
      return found && [found.state, found.asked];
    };
    expect(endOf('nothing goes wrong')).toEqual(['completed', []]);
    expect(endOf('last fails once')).toEqual(['completed', []]);
    expect(endOf('last is rejected')).toEqual(['compensated', []]);
    expect(endOf('the saga is cancelled after its start')).toEqual(['cancelled', []]);
    expect(
      endOf('the undo of first is rejected, and the saga is cancelled as soon as first is done'),
    ).toEqual(['cancelled', ['COMPENSATION_FAILED']]);
    const { completed = 0, compensated = 0, cancelled = 0, ...others } = report.ends;
    expect([completed + compensated + cancelled, others]).toEqual([report.runs.length, {}]);
  });

  test('is the same each time', () => {
    const once = (): string => String(simulateAll(trip, { barrier: 'external' }));
    expect(once()).toBe(once());
  });

  test('goes with both answers of each condition, and says so', () => {
    const workflow = two('maybe')
      .addConditionalStep('more', 'q.more', () => false, 'q.less')
      .addConditionalStep('most', 'q.most', () => true, 'q.least')
      .build();
    const report = simulateAll(workflow);
    report.assertClean();
    const faults = report.runs.map(({ fault }) => fault);
    expect(faults).toContain('more is rejected (the condition of more true)');
    expect(faults).toContain('first is rejected (the condition of most false)');
  });

  test('takes two things together when it is asked to', () => {
    const report = simulateAll(two('pair').addStep('last', 'q.last', 'q.unlast').build(), {
      pairs: true,
      barrier: 'external',
    });
    report.assertClean();
    expect(report.runs.map(({ fault }) => fault)).toContain('first fails once, and last is rejected');
  });

  test('lets the time of a saga be over at every point', () => {
    const workflow = two('pair').addStep('last', 'q.last', 'q.unlast').withSagaTimeout(3_600_000).build();
    const overdue = simulateAll(workflow, { barrier: 'external' }).runs.filter(({ fault }) =>
      fault.startsWith('the time of the saga'),
    );
    expect(overdue.map(({ fault, state }) => [fault, state])).toEqual([
      ['the time of the saga is over after its start', 'cancelled'],
      ['the time of the saga is over after history row 2', 'cancelled'],
    ]);
  });

  test('refuses an input that does not fit the schema', () => {
    expect(() => simulateAll(trip, { inputs: [{ seats: 7 }] })).toThrow(z.ZodError);
  });
});

describe('a simulation finds', () => {
  test('an effect that nobody undoes', () => {
    const report = simulateAll(
      two('order')
        .addStep('charge', 'payments.charge')
        .addStep('ship', 'shipping.ship', 'shipping.cancel')
        .build(),
    );
    expect(problemsOf(report)).toEqual(['EFFECT_LEFT charge']);
    expect(report.problems[0]).toMatchObject({
      fault: 'ship is rejected',
      mend: 'name a compensation, mark it readOnly, or place it after a pivot as retriable',
    });
  });

  test('an effect of the items of a map, told once for all of them', () => {
    const workflow = two('order')
      .addMap('hold', { over: () => [1, 2, 3], worker: 'seats.hold' })
      .addStep('ship', 'shipping.ship', 'shipping.cancel')
      .build();
    const report = simulateAll(workflow, { barrier: 'transaction' });
    expect(problemsOf(report)).toEqual(['EFFECT_LEFT hold/*']);
    report.assertClean({ except: [{ code: 'EFFECT_LEFT', step: 'hold/*' }] });
  });

  test('an undo that needs an output which never came', () => {
    const report = simulateAll(
      two('order')
        .addStep('charge', 'payments.charge', { compensation: 'payments.refund', undoNeedsOutput: true })
        .build(),
    );
    expect(problemsOf(report)).toEqual(['UNDO_HELPLESS charge']);
    expect(report.problems[0]).toMatchObject({
      sentence: 'payments.refund needs the output of charge, which ended unknown and gave none',
      fault: 'every reply of charge is lost, its effect done',
    });
  });

  test('what a step without a barrier does twice, and takes back for nothing', () => {
    const report = simulateAll(
      two('order')
        .addStep('charge', 'payments.charge', { compensation: 'payments.refund', barrier: 'none' })
        .build(),
    );
    expect(problemsOf(report)).toEqual([
      'EFFECT_LEFT charge',
      'EFFECT_TWICE charge',
      'UNDO_WITHOUT_EFFECT charge',
    ]);
    for (const { mend } of report.problems) expect(mend).toContain("'transaction' or 'external'");
  });

  test('code of the definition that fails on the result of a step that was passed over', () => {
    const workflow = new WorkflowBuilder('order', { input: z.object({ gift: z.boolean() }) })
      .addConditionalStep('wrap', 'gifts.wrap', (c) => c.get('gift'), {
        compensation: 'gifts.unwrap',
        output: z.object({ weight: z.number() }),
      })
      .addStep('ship', 'shipping.ship', {
        compensation: 'shipping.cancel',
        input: (c) => ({ weight: (c.get('wrap') as { weight: number }).weight }),
      })
      .build();
    const report = simulateAll(workflow, { inputs: [{ gift: true }, { gift: false }] });
    expect(problemsOf(report)).toEqual(['DEFINITION_ERROR ship']);
    expect(report.problems[0]?.fault).toContain('nothing goes wrong (input 2');
  });

  test('a workflow that fails of itself', () => {
    const workflow = two('order').addMap('each', {
      over: () => 7 as never,
      worker: 'q.each',
      compensation: 'q.less',
    });
    const report = simulateAll(workflow.build());
    expect(problemsOf(report)).toEqual(['DOES_NOT_COMPLETE each']);
    expect(report.problems[0]?.sentence).toContain('the saga ends compensated though nothing goes wrong');
  });

  test('steps that no saga comes to, until an input leads there', () => {
    const workflow = new WorkflowBuilder('order', {
      input: z.object({ seats: z.array(z.string()).optional() }),
    })
      .addStep('first', 'q.first', 'q.unfirst')
      .addMap('hold', { over: (c) => c.get('seats') ?? [], worker: 'seats.hold', compensation: 'seats.free' })
      .addConditionalStep('note', 'q.note', (c) => c.get('seats') !== undefined, {
        compensation: 'q.unnote',
        input: (c) => ({ first: (c.get('seats') as string[])[0]?.length }),
      })
      .build();
    const report = simulateAll(workflow, { inputs: [{}] });
    expect(problemsOf(report)).toEqual(['NOT_REACHED hold/*', 'NOT_REACHED note']);
    expect(report.problems.find(({ step }) => step === 'note')?.sentence).toMatch(
      /^no simulated saga comes to note: its condition is false, and taken as true, the definition's code for note failed/,
    );
    simulateAll(workflow, { inputs: [{}, { seats: ['1A'] }] }).assertClean();
  });
});

describe('the report', () => {
  const leaky = new WorkflowBuilder('order')
    .addStep('charge', 'payments.charge')
    .addStep('ship', 'shipping.ship', 'shipping.cancel')
    .build();

  test('tells the problem, its mend, and the simplest saga that shows it', () => {
    const report = simulateAll(leaky, { barrier: 'transaction' });
    expect(() => {
      report.assertClean();
    }).toThrow(String(report));
    const lines = String(report).split('\n');
    expect(lines[0]).toBe(`order: 1 problem in ${report.runs.length} simulated sagas`);
    expect(lines.slice(lines.indexOf('', 2))).toEqual([
      '',
      'EFFECT_LEFT: the effect of charge still stands though the saga ended compensated: it has no compensation, and the saga lists it under notUndone',
      '  mend: name a compensation, mark it readOnly, or place it after a pivot as retriable',
      expect.stringMatching(/^ {2}seen in \d+ sagas, most simply when ship is rejected:$/),
      '      0 ms  the saga starts',
      '      0 ms  payments.charge is sent for charge',
      '      1 ms      payments.charge: has its effect',
      '      2 ms  charge succeeded',
      '      2 ms  shipping.ship is sent for ship',
      '      3 ms      shipping.ship: rolled back',
      '      4 ms  ship was rejected: REJECTED: shipping.ship refuses',
      '      4 ms  the saga is undone: REJECTED: shipping.ship refuses',
      '      4 ms  the saga ends compensated',
    ]);
  });

  test('counts how the sagas ended, by what went wrong', () => {
    const lines = String(simulateAll(leaky, { barrier: 'transaction' })).split('\n');
    const line = (about: string): string[] =>
      lines.find((each) => each.startsWith(about))?.split(/ {2,}/) ?? [];
    expect(line('what goes wrong')).toEqual([
      'what goes wrong',
      'sagas',
      'completed',
      'compensated',
      'cancelled',
      'a person is asked',
    ]);
    expect(line('nothing')).toEqual(['nothing', '1', '1']);
    expect(line('the saga, cancelled')).toEqual(['the saga, cancelled', '2', '2']);
    expect(line('the undo of ship')[0]).toBe('the undo of ship');
  });

  test('accepts what is known, and nothing else', () => {
    const report = simulateAll(leaky);
    report.assertClean({ except: [{ code: 'EFFECT_LEFT', step: 'charge' }] });
    report.assertClean({ except: [{ code: 'EFFECT_LEFT' }] });
    expect(() => {
      report.assertClean({ except: [{ code: 'EFFECT_LEFT', step: 'ship' }] });
    }).toThrow('EFFECT_LEFT: the effect of charge');
  });

  test('complains of an exception that is not needed any more', () => {
    expect(() => {
      simulateAll(leaky).assertClean({
        except: [{ code: 'EFFECT_LEFT' }, { code: 'EFFECT_TWICE', step: 'ship' }],
      });
    }).toThrow('EFFECT_TWICE of ship was not found: do not except it');
  });
});
