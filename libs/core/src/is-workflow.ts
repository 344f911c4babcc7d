import { ValidationError } from './errors.js';
import type { Workflow } from './workflow.js';

/** Judged by its shape: the caller may have built it with another copy of this library. Never throws. */
export function isWorkflow(value: unknown): value is Workflow {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const { digest, items, allSteps, toJSON } = value as Partial<Workflow>;
    return (
      typeof digest === 'string' &&
      Array.isArray(items) &&
      typeof allSteps === 'function' &&
      typeof toJSON === 'function'
    );
  } catch {
    return false;
  }
}

/**
 * Not every caller is checked by types, and a builder without its build() is the common slip.
 * @throws ValidationError `NOT_A_WORKFLOW`.
 */
export function checkWorkflow(value: unknown): void {
  if (!isWorkflow(value))
    throw new ValidationError('NOT_A_WORKFLOW', 'this is no workflow: pass what build() returned');
}
