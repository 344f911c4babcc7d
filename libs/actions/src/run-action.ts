import type { StepRunOptions } from '@counterstep/steps';
import { ConsoleRuntimeContext } from '@counterstep/steps';
import type { BaseAction } from './base-action.js';
import { DatasetAction } from './dataset/dataset-action.js';
import { ActionError } from './errors.js';
import { DefaultExportAction } from './export/export-action.js';
import type { ActionRuntime } from './runtime.js';
import { AddTaskDataAction } from './tasks/add-task-data-action.js';
import { UploadAction } from './upload/upload-action.js';

/** The class of an action. */
export type ActionClass = new (
  params: unknown,
  ctx: ActionRuntime,
) => Pick<BaseAction<unknown, never, object>, 'run'>;

const actions = new Map<string, ActionClass>([
  ['add_task_data', AddTaskDataAction],
  ['dataset', DatasetAction],
  ['export', DefaultExportAction],
  ['upload', UploadAction],
]);

/**
 * Makes an action known to `runAction`.
 * @throws ActionError `DUPLICATE_ACTION` when the name is another action's.
 */
export function registerAction(name: string, action: ActionClass): void {
  if ((actions.get(name) ?? action) !== action) {
    throw new ActionError(
      'DUPLICATE_ACTION',
      `There is an action '${name}' already: give each one a name of its own.`,
    );
  }
  actions.set(name, action);
}

/**
 * Runs an action by its name, with a `ConsoleRuntimeContext` unless a runtime is given, and resolves with its result.
 * @throws ActionError `UNKNOWN_ACTION`, and what `BaseAction.run` throws.
 */
export async function runAction(
  name: string,
  params: unknown,
  runtime: ActionRuntime = new ConsoleRuntimeContext(),
  options: StepRunOptions = {},
): Promise<object> {
  const action = actions.get(name);
  if (!action) {
    const known = [...actions.keys()].join(', ') || 'none';
    throw new ActionError('UNKNOWN_ACTION', `There is no action '${name}'. The actions are: ${known}.`);
  }
  return new action(params, runtime).run(options);
}
