import { describe, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { OUR_RULES } from './rules.js';
import type { Rules } from './rules.js';
import { Simulation } from './simulate-all.js';

type Decide = Rules['decide'];
type Enter = Rules['enterBarrier'];

const workflow = new WorkflowBuilder('pair')
  .withRetryConfig({ maxRetries: 1 })
  .addStep('first', 'q.first', 'q.unfirst')
  .addStep('last', 'q.last', 'q.unlast')
  .build();

const { decide, enterBarrier } = OUR_RULES;

/** Decides about another event than the one that came. */
const misreading =
  (misread: (event: Parameters<Decide>[2]) => Parameters<Decide>[2]): Decide =>
  (of, saga, event, at) =>
    decide(of, saga, misread(event), at);

const swapped: Readonly<Record<string, string>> = { first: 'last', last: 'first' };

/** Undoes the first step first. */
const forwardOrder: Decide = (of, saga, event, at) => {
  const isReply = event.type === 'reply' && event.direction === 'undo';
  const meant = isReply ? { ...event, step: swapped[event.step] ?? event.step } : event;
  const decision = decide(of, saga, meant, at);
  if (decision.kind !== 'applied') return decision;
  const isUndone = (step: string): boolean => decision.saga.steps[step]?.undo !== undefined;
  if (!decision.saga.steps['first'] || !decision.saga.steps['last']) return decision;
  const commands = decision.effects.commands.map((command) =>
    command.direction === 'undo' && (isUndone('first') || isUndone('last'))
      ? { ...command, step: swapped[command.step] ?? command.step }
      : command,
  );
  return { ...decision, effects: { ...decision.effects, commands } };
};

const wrong: readonly [string, string, Partial<Rules>][] = [
  [
    'deadlines do nothing',
    'HANGS',
    {
      decide: (of, saga, event, at) =>
        event.type === 'deadline' ? { kind: 'ignored', reason: 'no' } : decide(of, saga, event, at),
    },
  ],
  [
    'a failure counts as a rejection',
    'EFFECT_LEFT',
    {
      decide: misreading((event) =>
        event.type === 'reply' && event.outcome === 'failed' ? { ...event, outcome: 'rejected' } : event,
      ),
    },
  ],
  [
    'no answer counts as a success',
    'EFFECT_MISSING',
    {
      decide: misreading((event) => {
        if (event.type !== 'deadline') return event;
        const { step, direction, run, attempt } = event;
        return { type: 'reply', step, direction, run, attempt, outcome: 'succeeded' };
      }),
    },
  ],
  ['the undo goes forward', 'UNDO_ORDER', { decide: forwardOrder }],
  [
    'the barrier forgets what was done',
    'EFFECT_TWICE',
    { enterBarrier: ((_, order) => enterBarrier({}, order)) satisfies Enter },
  ],
  [
    'the barrier undoes what it never saw',
    'UNDO_WITHOUT_EFFECT',
    {
      enterBarrier: ((rows, order) =>
        enterBarrier(
          rows,
          order.direction === 'undo' ? { ...order, forwardOutcome: 'succeeded' } : order,
        )) satisfies Enter,
    },
  ],
  [
    'neither the barrier nor the saga cares for what happens after an undo',
    'EFFECT_LEFT',
    {
      decide: (of, saga, event, at) => {
        const isLate = event.type === 'reply' && event.direction === 'forward';
        const isUndone = isLate && saga?.steps[event.step]?.undo !== undefined;
        return isUndone ? { kind: 'ignored', reason: 'late' } : decide(of, saga, event, at);
      },
      enterBarrier: ((rows, order) => {
        const entered = enterBarrier(rows, order);
        return entered.admission.run ? entered : { ...entered, changed: {} };
      }) satisfies Enter,
    },
  ],
];

describe('a simulation by wrong rules', () => {
  test.each(wrong)('finds out that %s (%s)', (_, code, rules) => {
    const { problems } = new Simulation(workflow, {}, { ...OUR_RULES, ...rules }).run();
    expect(problems.map((problem) => problem.code)).toContain(code);
  });

  test('finds nothing by ours', () => {
    expect(new Simulation(workflow, {}, OUR_RULES).run().problems).toEqual([]);
  });
});
