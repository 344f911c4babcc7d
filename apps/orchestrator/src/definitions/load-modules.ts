import { readFile, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  ValidationError,
  isWorkflow,
  workflowFromJson,
  type Workflow,
  type WorkflowDescription,
} from '@counterstep/core';
import type { Schedule } from '@counterstep/engine';

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

/** What modules export, each once. */
export interface Definitions {
  readonly workflows: Workflow[];
  /** Not checked yet. */
  readonly schedules: Schedule[];
}

/**
 * The workflows and schedules of modules (`*.js`, `*.mjs`) and of folders of such: each export that is one, or an array of
 * them. Also workflows as data, as `JSON.stringify` makes it of one without functions: a file `*.json` that is named, and in
 * a folder, where other JSON may lie, `*.workflow.json`. Throws `BadWorkflowModules` naming every module that cannot be loaded
 * or exports none.
 */
export async function loadModules(paths: readonly string[]): Promise<Definitions> {
  const bad: BadModule[] = [];
  const workflows = new Set<Workflow>();
  const schedules = new Set<Schedule>();
  for (const path of paths) {
    for (const file of await filesAt(resolve(path), bad)) {
      try {
        const found = await definitionsIn(file);
        for (const workflow of found.workflows) workflows.add(workflow);
        for (const schedule of found.schedules) schedules.add(schedule);
      } catch (error) {
        bad.push({ file, reason: reasonOf(error) });
      }
    }
  }
  if (bad.length > 0) throw new BadWorkflowModules(bad);
  return { workflows: [...workflows], schedules: [...schedules] };
}

async function filesAt(path: string, bad: BadModule[]): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.(m?js|workflow\.json)$/.test(name)).sort();
    if (names.length === 0)
      bad.push({ file: path, reason: 'the folder holds no *.js, *.mjs or *.workflow.json file' });
    return names.map((name) => join(path, name));
  } catch (error) {
    bad.push({ file: path, reason: reasonOf(error) });
    return [];
  }
}

async function definitionsIn(file: string): Promise<Definitions> {
  if (file.endsWith('.json')) {
    const description = JSON.parse(await readFile(file, 'utf8')) as WorkflowDescription;
    return { workflows: [workflowFromJson(description)], schedules: [] };
  }
  const exported = Object.values((await import(pathToFileURL(file).href)) as Record<string, unknown>).flat();
  const workflows = exported.filter(isWorkflow);
  const schedules = exported.filter(isSchedule);
  if (workflows.length + schedules.length === 0)
    throw new Error("exports no workflow: export what a WorkflowBuilder's build() returns, or a schedule");
  return { workflows, schedules };
}

/** Whatever has a `cron` is meant to be one; the orchestrator says what is wrong with it. */
function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && 'cron' in value;
}

function reasonOf(error: unknown): string {
  if (error instanceof ValidationError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
