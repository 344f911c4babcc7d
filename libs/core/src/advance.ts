import { storableText } from '@counterstep/protocol';
import { contextOf } from './context.js';
import { isTaken, mappedInput } from './definition-code.js';
import { deepFreeze } from './digest.js';
import { reasonOf } from './errors.js';
import { resultsOf } from './evolve.js';
import type { StepProgress } from './saga.js';
import type { Transition } from './transition.js';
import { stepsIn } from './workflow.js';
import type { Step, WorkflowItem } from './workflow.js';

/** Takes the saga as far as it can go without another event: the next steps, the turn, the next undos, the end. */
export function advance(transition: Transition): void {
  if (transition.saga.direction === 'forward') forward(transition);
  if (transition.saga.direction === 'undo') undo(transition);
}

function forward(transition: Transition): void {
  for (const [stage, item] of transition.workflow.items.entries()) {
    if (!begin(transition, item, stage)) return;
    const members = stepsIn(item).map((step) => transition.progress(step.name));
    const failed = members.find((member) => isFailed(member));
    if (failed) {
      turn(transition, failed);
      return;
    }
    if (!members.every((member) => isDone(member))) return;
  }
  transition.add({ type: 'finished', state: 'completed' });
}

/** Enters the item's steps that were not entered before; false when a function of the definition failed. */
function begin(transition: Transition, item: WorkflowItem, stage: number): boolean {
  const steps = stepsIn(item).filter((step) => !transition.progress(step.name));
  // A group sees one context: what a member wrote must not depend on which was entered first.
  const hasCode = steps.some((step) => step.condition ?? step.input);
  // Frozen: a mapper that writes to it would change this saga, but not the one that is read back from history.
  const context = hasCode
    ? contextOf(deepFreeze(transition.saga.input), deepFreeze(resultsOf(transition.saga)))
    : undefined;
  const plans: { step: Step; taken: boolean; input?: { value: unknown } }[] = [];
  for (const step of steps) {
    try {
      const taken = context === undefined || isTaken(step, context);
      const input = taken && context ? mappedInput(step, context) : undefined;
      plans.push({ step, taken, ...(input && { input }) });
    } catch (error) {
      const message = `the definition's code for ${step.name} failed: ${reasonOf(error)}`;
      transition.add({
        type: 'attention',
        code: 'DEFINITION_ERROR',
        message: storableText(message, 1_000),
        step: step.name,
      });
      return false;
    }
  }
  for (const { step, taken } of plans) transition.add({ type: 'entered', step: step.name, stage, taken });
  for (const { step, taken, input } of plans) if (taken) transition.send(step, 'forward', 1, 1, input);
  return true;
}

/** From forward to undo, because of a step. */
function turn(transition: Transition, failed: StepProgress): void {
  const { forward: attempts } = failed;
  const error = attempts?.error ?? { code: 'UNKNOWN', message: `step ${failed.path} failed` };
  transition.add({
    type: 'turned',
    aim: 'compensated',
    cause: { ...error, step: failed.path, ...(attempts && { attempt: attempts.attempt }) },
  });
}

/**
 * Undo goes by stage, the last entered first: an effect is undone only after every effect that came to depend on it.
 * What is still in flight is waited for; nothing forward is sent any more.
 */
function undo(transition: Transition): void {
  const entered = Object.values(transition.saga.steps);
  // A retry that was planned will not be made: the attempt's last word stands.
  for (const step of entered)
    if (step.forward?.status === 'waiting')
      transition.add({ type: 'gaveUp', step: step.path, direction: 'forward' });
  if (entered.some((step) => step.forward?.status === 'running')) return;

  const stages = [...new Set(entered.map((step) => step.stage))].sort((a, b) => b - a);
  for (const stage of stages) {
    const members = entered.filter((step) => step.stage === stage).map((step) => step.path);
    for (const path of members) {
      const step = transition.workflow.step(path);
      if (needsUndo(step, transition.progress(path))) transition.send(step, 'undo', 1, 1);
    }
    if (members.some((path) => isUndoOpen(transition.progress(path)))) return;
  }
  transition.add({ type: 'finished', state: transition.saga.aim });
}

/** Whether the step's effect may stand, and can be undone, and nobody began to. */
export function needsUndo(step: Step, progress: StepProgress | undefined): boolean {
  return step.compensation !== undefined && mayStand(progress) && progress?.undo === undefined;
}

/** Whether an effect of the step may stand: it succeeded, or nobody knows. */
export function mayStand(progress: StepProgress | undefined): boolean {
  const outcome = progress?.forward?.outcome;
  return progress?.forward?.status === 'ended' && outcome !== undefined && outcome !== 'rejected';
}

function isUndoOpen(progress: StepProgress | undefined): boolean {
  return progress?.undo !== undefined && progress.undo.status !== 'ended';
}

function isDone(progress: StepProgress | undefined): boolean {
  return progress !== undefined && (!progress.taken || progress.forward?.outcome === 'succeeded');
}

function isFailed(progress: StepProgress | undefined): boolean {
  return progress?.forward?.status === 'ended' && progress.forward.outcome !== 'succeeded';
}
