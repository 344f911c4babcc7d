import type { Saga } from '@counterstep/core';
import { explore } from './explore.js';
import type { Walk } from './explore.js';
import { forget } from './forget.js';
import { canonical } from './intern.js';
import type { Rules } from './rules.js';
import type { Shape } from './shapes.js';

export interface Compared {
  /** The one that forgets nothing. */
  readonly walk: Walk;
  /** `alike so far`: of that many states each goes on alike, but there are more. */
  readonly verdict: 'the same' | 'alike so far' | 'DIFFERENT';
}

/**
 * Walks a shape with all that sagas remember and with what decides how they go on. Every step of the one is taken in the
 * other too (see alike.ts), and if the walk comes to its end, both have reached the same, but for what is forgotten.
 */
export function compareWalks(rules: Rules, shape: Shape, states: number): Compared {
  const limits = { states, until: Infinity, collectTruths: true };
  const walk = explore(rules, shape, 'any time', { ...limits, remembers: true });
  if (walk.counterexample) return { walk, verdict: 'DIFFERENT' };
  if (!walk.exhausted) return { walk, verdict: 'alike so far' };
  const other = explore(rules, shape, 'any time', limits);
  const reached = new Set([...(walk.truths ?? [])].map(forgotten));
  const isSame = other.exhausted && isEqual(reached, other.truths ?? new Set());
  return { walk, verdict: isSame ? 'the same' : 'DIFFERENT' };
}

function forgotten(truth: string): string {
  const [saga, ...sites] = JSON.parse(truth) as [Saga, ...unknown[]];
  return canonical([forget(saga), ...sites]);
}

function isEqual(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((truth) => other.has(truth));
}
