import type { Saga, StepProgress } from '@counterstep/core';
import { dependsOn, isOver } from './dependency.js';
import type { Shape } from './shapes.js';
import { Violation } from './violation.js';
import type { Entry, Site } from './worker.js';

/* Those of the ten invariants, S1 to S10, that speak of what truly happened: the ledger against the saga. They
   hold for steps in the barrier modes `transaction` and `external`; `none` promises neither. */

export interface Truth {
  readonly shape: Shape;
  readonly saga: Saga;
  /** By path. */
  readonly sites: Readonly<Record<string, Site>>;
}

export function checkTruth(truth: Truth): void {
  effectOnce(truth);
  reverse(truth);
  if (isOver(truth.saga)) noOrphan(truth);
}

/**
 * S4: at most one effect of a step stands, each effect key is done once and undone once, and nothing is undone that was
 * not done.
 */
function effectOnce({ shape, sites }: Truth): void {
  for (const [path, { ledger }] of Object.entries(sites)) {
    if (isUnguarded(shape, path)) continue;
    const entries = Object.values(ledger);
    for (const { done, undone } of entries) {
      if (done > 1) fail('S4 effect-once', `the effect of ${path} happened twice under one key`);
      if (undone > 1) fail('S4 effect-once', `the effect of ${path} was undone twice`);
      if (undone > done) fail('S4 effect-once', `${path} was undone though it was not done`);
    }
    if (standing(entries) > 1) fail('S4 effect-once', `two effects of ${path} stand`);
  }
}

/**
 * S5: what has been undone has nothing left that depends on it. Left out is what a person gave up, and, in mode
 * `external`, an effect that happened after its own undo had begun: it is undone when it is told.
 */
function reverse({ shape, saga, sites }: Truth): void {
  if (saga.gaveUp || saga.state === 'failed') return;
  const { workflow } = shape;
  for (const [path, { ledger }] of Object.entries(sites)) {
    if (isUnguarded(shape, path) || saga.steps[path]?.lost) continue;
    if (!Object.values(ledger).some(({ undone }) => undone > 0)) continue;
    for (const [other, { ledger: rest }] of Object.entries(sites)) {
      if (isUnguarded(shape, other) || workflow.step(other).compensation === undefined) continue;
      const inTime = Object.values(rest).filter(({ late }) => !late);
      if (standing(inTime) > 0 && dependsOn(workflow, other, path))
        fail('S5 reverse', `${path} is undone, and the effect of ${other}, which depends on it, stands`);
    }
  }
}

/**
 * S6: a saga that was undone has left no effect that can be undone; one that is completed has exactly one effect of every
 * step that it counts as done, and none of a loser's. In mode `external` an effect may happen after its undo had begun:
 * once its success is told it is undone too, or, after the end, shown to a person. One whose handler fails or dies after
 * it, so that nobody can tell, is the limit of that mode.
 */
function noOrphan({ shape, saga, sites }: Truth): void {
  if (saga.state === 'failed') return;
  for (const [path, { ledger }] of Object.entries(sites)) {
    if (isUnguarded(shape, path)) continue;
    const step = shape.workflow.step(path);
    const entries = Object.values(ledger);
    const count = standing(entries);
    const progress = saga.steps[path];
    const wanted = saga.state === 'completed' && isDone(progress) ? 1 : 0;
    if (count === wanted) continue;
    const canBeUndone = step.compensation !== undefined || step.pivot === true;
    if (count > wanted && (!canBeUndone || progress?.lost === 'keep')) continue;
    const isLate = count > wanted && entries.some(({ late }) => late);
    const isTold = progress?.forward?.outcome === 'succeeded';
    const isShown = saga.attention.some((item) => item.step === path && item.code === 'LATE_EFFECT');
    if (!isLate || (isTold && !isShown))
      fail('S6 no orphan', `${saga.state}, and ${count} effects of ${path} stand, not ${wanted}`);
  }
}

function isDone(progress: StepProgress | undefined): boolean {
  return progress?.forward?.outcome === 'succeeded' && !progress.skipped && progress.lost !== 'undo';
}

function isUnguarded({ workflow }: Shape, path: string): boolean {
  return (workflow.step(path).barrier ?? 'none') === 'none';
}

function standing(entries: readonly Entry[]): number {
  return entries.reduce((sum, { done, undone }) => sum + done - undone, 0);
}

function fail(invariant: string, message: string): never {
  throw new Violation(invariant, message);
}
