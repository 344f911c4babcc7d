import type { Workflow } from '@counterstep/core';
import { UNANSWERED, faultsOf } from './faults.js';
import { NOTHING_WRONG, SIGNAL_WORDS, both } from './plan.js';
import type { Plan, SignalFault } from './plan.js';
import { World } from './world.js';
import type { Setting } from './world.js';

/** Of a map, these items stand for all. */
const ITEMS = 3;

const UNDOES = { person: 'undoes' } as const;

/** Everything that goes wrong, one run each, seen from the run in which nothing does. */
export function plansFor(setting: Setting, well: World): Plan[] {
  const paths = fewItems([...new Set(well.play.sent.map(({ step }) => step))]);
  const cancels = Array.from({ length: well.play.history.length - 1 }, (_, n): Plan => ({
    ...NOTHING_WRONG,
    cancel: { after: n + 1 },
  }));
  const overdue = cancels.map(({ cancel }) => ({
    ...NOTHING_WRONG,
    ...(cancel && { cancel: { ...cancel, isOverdue: true as const } }),
  }));
  const forward = paths.flatMap((path) => forwardPlans(setting, path));
  const held = setting.workflow.failureMode === 'hold' ? forward.map((plan) => ({ ...plan, ...UNDOES })) : [];
  return [
    ...forward,
    ...held,
    ...paths.flatMap((path) => undoPlans(setting, path)),
    ...signalPlans(well),
    ...cancels,
    ...(setting.workflow.sagaTimeout === undefined ? [] : overdue),
  ];
}

/** Two things that go wrong, in every combination. */
export function pairsOf(plans: readonly Plan[]): Plan[] {
  return plans.flatMap((plan, index) =>
    plans.slice(index + 1).flatMap((other) => {
      const pair = both(plan, other);
      return pair ? [pair] : [];
    }),
  );
}

function forwardPlans({ workflow, barrier }: Setting, path: string): Plan[] {
  const step = workflow.step(path);
  return faultsOf('forward', step.barrier ?? barrier, step.output !== undefined).map((fault) => ({
    faults: [{ path, direction: 'forward', fault }],
  }));
}

function undoPlans(setting: Setting, path: string): Plan[] {
  const step = setting.workflow.step(path);
  if (step.compensation === undefined) return [];
  const why = reasonToUndo(setting, path);
  return faultsOf('undo', step.barrier ?? setting.barrier, false).map((fault) => ({
    ...why,
    faults: [...why.faults, { path, direction: 'undo' as const, fault }],
  }));
}

/** It is undone because the saga is cancelled then; the last step, because nobody knows how it ended. */
function reasonToUndo(setting: Setting, path: string): Plan {
  const cancelled: Plan = { faults: [], cancel: { whenDone: path } };
  const isUndone = new World(setting, cancelled).run().saga.steps[path]?.undo !== undefined;
  if (isUndone) return cancelled;
  const isHeld = setting.workflow.failureMode === 'hold';
  return { faults: [{ path, direction: 'forward', fault: UNANSWERED }], ...(isHeld && UNDOES) };
}

function signalPlans({ saga, setting }: World): Plan[] {
  const waits = Object.values(saga.steps).filter((step) => step.kind === 'signal' && step.taken);
  return waits.flatMap(({ path }) => {
    const faults = (Object.keys(SIGNAL_WORDS) as SignalFault[]).filter(
      (fault) => fault !== 'rejects' || isApproval(setting.workflow, path),
    );
    return faults.map((fault) => ({ faults: [], signals: { [path]: fault } }));
  });
}

function isApproval(workflow: Workflow, path: string): boolean {
  const member = workflow.member(path);
  return member.kind === 'signal' && member.approval;
}

function fewItems(paths: readonly string[]): string[] {
  return paths.filter((path) =>
    path.split('/').every((segment) => !/^\d+$/.test(segment) || Number(segment) < ITEMS),
  );
}
