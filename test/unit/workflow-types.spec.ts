import { beforeEach, describe, expect, it } from '@jest/globals';
import { contextOf, stepsIn } from '@counterstep/core';
import type { Step, Workflow } from '@counterstep/core';
import { seen, typed, untyped } from '../types/workflow-types.js';

const stepOf = (workflow: Pick<Workflow, 'items'>, name: string): Step => {
  const found = workflow.items.flatMap(stepsIn).find((step) => step.name === name);
  if (!found) throw new Error(`no step ${name}`);
  return found;
};

beforeEach(() => {
  seen.length = 0;
});

describe('the workflow whose types the compiler checks', () => {
  const input = { orderId: 'A-1', amount: 200 };
  const results = { reserve: { place: 7 }, gift: { paper: 'red' }, charge: { chargeId: 'c-1' } };
  const map = (name: string, ...context: Parameters<typeof contextOf>): unknown =>
    stepOf(typed, name).input?.map(contextOf(...context));

  it('has at run time what the types say', () => {
    expect(map('reserve', input)).toEqual({ orderId: 'A-1', wrong: 200 });
    expect(stepOf(typed, 'gift').condition?.evaluate(contextOf(input, results))).toBe(true);
    expect(map('charge', input, results)).toEqual({ paper: 'red' });
    expect(map('ship', input, results)).toEqual({ chargeId: 'c-1', place: 7 });
  });

  it('has no result of a step that was passed over', () => {
    expect(map('charge', input, { reserve: { place: 1 } })).toEqual({ paper: null });
  });

  it('gives an untyped context whatever is there', () => {
    const { condition } = stepOf(untyped, 'second');
    expect(condition?.evaluate(contextOf({ anything: true }))).toBe(true);
    expect(condition?.evaluate(contextOf({}))).toBe(false);
    expect(seen).toEqual([true, undefined]);
  });
});
