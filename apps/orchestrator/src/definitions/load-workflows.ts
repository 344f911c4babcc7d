import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ValidationError, type Workflow } from '@counterstep/core';

/** A workflow module that cannot be used. */
export interface BadModule {
  readonly file: string;
  readonly reason: string;
}

/** The boot must stop: each bad module with the reason. */
export class BadWorkflowModules extends Error {
  readonly code = 'BAD_WORKFLOW_MODULE';
  readonly retryable = false;
  constructor(readonly modules: readonly BadModule[]) {
    super(modules.map(({ file, reason }) => `workflow module ${file}: ${reason}`).join('\n'));
    this.name = 'BadWorkflowModules';
  }
}

/**
 * The workflows of modules (`*.js`, `*.mjs`) and of folders of such: each export that is a workflow or an array of
 * workflows. Throws `BadWorkflowModules` naming every module that cannot be loaded or exports none.
 */
export async function loadWorkflows(paths: readonly string[]): Promise<Workflow[]> {
  const bad: BadModule[] = [];
  const workflows = new Set<Workflow>();
  for (const path of paths) {
    for (const file of await filesAt(resolve(path), bad)) {
      try {
        for (const workflow of await workflowsIn(file)) workflows.add(workflow);
      } catch (error) {
        bad.push({ file, reason: reasonOf(error) });
      }
    }
  }
  if (bad.length > 0) throw new BadWorkflowModules(bad);
  return [...workflows];
}

async function filesAt(path: string, bad: BadModule[]): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.m?js$/.test(name)).sort();
    if (names.length === 0) bad.push({ file: path, reason: 'the folder holds no *.js or *.mjs file' });
    return names.map((name) => join(path, name));
  } catch (error) {
    bad.push({ file: path, reason: reasonOf(error) });
    return [];
  }
}

async function workflowsIn(file: string): Promise<Workflow[]> {
  const exported = Object.values((await import(pathToFileURL(file).href)) as Record<string, unknown>);
  const workflows = exported.flat().filter(isWorkflow);
  if (workflows.length === 0)
    throw new Error("exports no workflow: export what a WorkflowBuilder's build() returns");
  return workflows;
}

/** Judged by its shape: the module may have resolved another copy of the library than this app. */
function isWorkflow(value: unknown): value is Workflow {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, items, allSteps, toJSON } = value as Partial<Workflow>;
  return (
    typeof digest === 'string' &&
    Array.isArray(items) &&
    typeof allSteps === 'function' &&
    typeof toJSON === 'function'
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof ValidationError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
