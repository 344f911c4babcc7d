import { beforeEach, describe, expect, it } from '@jest/globals';
import { contextOf } from '@counterstep/core';
import { atOnce, kinds, seen, typed, untyped } from '../types/workflow-types.js';

beforeEach(() => {
  seen.length = 0;
});

describe('the workflow whose types the compiler checks', () => {
  const input = { orderId: 'A-1', amount: 200 };
  const results = { reserve: { place: 7 }, gift: { paper: 'red' }, charge: { chargeId: 'c-1' } };
  const map = (name: string, ...context: Parameters<typeof contextOf>): unknown =>
    typed.step(name).input?.map(contextOf(...context));

  it('has at run time what the types say', () => {
    expect(map('reserve', input)).toEqual({ orderId: 'A-1', wrong: 200 });
    expect(typed.step('gift').condition?.evaluate(contextOf(input, results))).toBe(true);
    expect(map('charge', input, results)).toEqual({ paper: 'red' });
    expect(map('ship', input, results)).toEqual({ chargeId: 'c-1', place: 7 });
  });

  it('has no result of a step that was passed over', () => {
    expect(map('charge', input, { reserve: { place: 1 } })).toEqual({ paper: null });
  });

  it('is told of the items of a map, and of a child by the child', () => {
    const lines = [{ sku: 'S-1', count: 2 }];
    const item = { lines, day: 'D', item: lines[0], index: 0 };
    expect(kinds.step('reserve/0').input?.map(contextOf(item, { rate: 1 }))).toEqual({
      sku: 'S-1',
      index: 0,
    });
    const show = kinds.member('show');
    const inside = contextOf({ sku: 'S-1' }, { ref: 'r', book: { ref: 'r' } });
    expect('output' in show && show.output && 'map' in show.output && show.output.map(inside)).toEqual({
      ref: 'r',
      sku: 'S-1',
    });
    expect(show.condition?.evaluate(contextOf(item, { ship: { book: { ref: 'r' } } }))).toBe(true);
    expect(atOnce.step('b').input?.map(contextOf(item))).toBe('D');
  });

  it('gives an untyped context whatever is there', () => {
    const { condition } = untyped.step('second');
    expect(condition?.evaluate(contextOf({ anything: true }))).toBe(true);
    expect(condition?.evaluate(contextOf({}))).toBe(false);
    expect(seen).toEqual([true, undefined]);
  });
});
