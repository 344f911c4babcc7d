import { inOrder } from './saga.js';
import type { Saga, StepProgress } from './saga.js';
import type { Workflow } from './workflow.js';

/**
 * The steps whose effect may stand as things are, in their order: they were sent, not rejected, and not undone. Without the
 * definition those that only read count too.
 */
export function standingEffects(saga: Saga, workflow: Workflow | undefined): string[] {
  return inOrder(saga)
    .filter((step) => step.forward && !step.skipped && step.forward.outcome !== 'rejected')
    .filter((step) => !workflow?.step(step.path).readOnly && !isUndone(step))
    .map((step) => step.path);
}

function isUndone({ undo }: StepProgress): boolean {
  if (undo?.status !== 'ended' || undo.outcome !== 'succeeded') return false;
  return undo.again === undefined || (undo.again === 'ifNoop' && !undo.noop);
}
