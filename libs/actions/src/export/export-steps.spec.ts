import { access, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BaseStep, StepResult } from '@counterstep/steps';
import { exportRuntime } from '../../test-support/export-runs.js';
import { ConvertDataStep } from './convert-data-step.js';
import { DefaultExportAction } from './export-action.js';
import type { ExportContext } from './export-context.js';
import { FetchResultsStep } from './fetch-results-step.js';
import { ExportFinalizeStep } from './finalize-step.js';
import { ExportInitializeStep } from './initialize-step.js';
import { PrepareExportStep } from './prepare-export-step.js';
import { SaveFilesStep } from './save-files-step.js';

// What each built-in step puts into the context, and takes out of it again.
let pathRoot = '';
beforeEach(async () => {
  pathRoot = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(pathRoot, { recursive: true }));

const { signal } = new AbortController();
const steps = [
  new ExportInitializeStep(),
  new FetchResultsStep(),
  new PrepareExportStep(),
  new ConvertDataStep(),
  new SaveFilesStep(),
  new ExportFinalizeStep(),
] as const;

/** A context after the steps up to the one named, and what that one returned. */
async function after(
  name: string,
  change: (context: ExportContext) => void = () => {},
): Promise<{ context: ExportContext; result: StepResult; step: BaseStep<ExportContext> }> {
  const given = { project: 1, target: 'assignment', pathRoot };
  const context = new DefaultExportAction(given, exportRuntime()).createContext();
  change(context);
  for (const step of steps) {
    const result = (await step.execute(context, signal)) as StepResult;
    if (step.name === name) return { context, result, step: step as unknown as BaseStep<ExportContext> };
  }
  throw new Error(`there is no step ${name}`);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function idsOf(items: AsyncIterable<{ id: unknown }> | null): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { id } of items!) ids.push(id);
  return ids;
}

const failure = { id: 1, name: 'x', error: 'why' };

test('the steps have the names and weights of the guide', () => {
  expect(steps.map(({ name, progressWeight }) => [name, progressWeight])).toEqual([
    ['initialize', 0.05],
    ['fetch_results', 0.1],
    ['prepare_export', 0.1],
    ['convert_data', 0.3],
    ['save_files', 0.35],
    ['finalize', 0.1],
  ]);
});

describe('initialize', () => {
  test('has the storage, and folders that exist; its rollback has not', async () => {
    const { context, result, step } = await after('initialize');
    const own = join(pathRoot, 'export');
    expect(context).toMatchObject({
      storage: context.runtimeCtx.storage,
      pathRoot,
      uniqueExportPath: own,
      outputPaths: { json: join(own, 'json'), originFiles: join(own, 'origin_files') },
    });
    expect(await readdir(own)).toEqual(['json', 'origin_files']);
    await step.rollback(context, result, signal);
    await step.rollback(context, result, signal);
    expect(context).toMatchObject({
      storage: null,
      pathRoot: null,
      uniqueExportPath: null,
      outputPaths: null,
    });
    expect(await readdir(pathRoot)).toEqual([]);
  });
});

describe('fetch_results', () => {
  test('has the handler, the results and their number; its rollback has not', async () => {
    const { context, result, step } = await after('fetch_results');
    expect(context.handler?.target).toBe('assignment');
    expect(context.totalCount).toBe(3);
    expect(await idsOf(context.results)).toEqual([11, 12, 13]);
    await step.rollback(context, result, signal);
    expect(context).toMatchObject({ handler: null, results: null, totalCount: 0 });
  });
});

describe('prepare_export', () => {
  test('has what the hooks are told, and the items; its rollback has not', async () => {
    const { context, result, step } = await after('prepare_export');
    expect(context).toMatchObject({
      exportParams: { target: 'assignment', projectId: 1, saveOriginalFile: true },
      configuration: { classes: ['car'] },
      projectId: 1,
    });
    expect(await idsOf(context.exportItems)).toEqual([11, 12, 13]);
    await step.rollback(context, result, signal);
    expect(context).toMatchObject({
      exportParams: null,
      configuration: null,
      projectId: null,
      exportItems: null,
    });
  });

  test('is skipped when there is nothing to export', async () => {
    const { context, step } = await after('prepare_export');
    expect(await step.canSkip(context, signal)).toBe(false);
    context.totalCount = 0;
    expect(await step.canSkip(context, signal)).toBe(true);
  });
});

describe('convert_data', () => {
  test('has the converted items, to be read again and again; its rollback has removed them', async () => {
    const { context, result, step } = await after('convert_data');
    expect(context.convertedItems).toHaveLength(3);
    expect(await idsOf(context.convertedItems)).toEqual([11, 12, 13]);
    expect(await idsOf(context.convertedItems)).toEqual([11, 12, 13]);
    const file = join(pathRoot, 'export/.converted.ndjson');
    expect(await exists(file)).toBe(true);
    context.errorsConvert = [failure];
    await step.rollback(context, result, signal);
    expect(context).toMatchObject({ convertedItems: null, errorsConvert: [] });
    expect(await exists(file)).toBe(false);
  });

  test('is skipped when there is nothing to convert', async () => {
    const { context, step } = await after('convert_data');
    expect(await step.canSkip(context, signal)).toBe(false);
    context.totalCount = 0;
    expect(await step.canSkip(context, signal)).toBe(true);
  });

  test('that fails leaves no file', async () => {
    const broken = after('convert_data', ({ exporter }) => {
      exporter.convertData = () => {
        throw new Error('no idea');
      };
    });
    await expect(broken).rejects.toThrow('no idea');
    expect(await exists(join(pathRoot, 'export/.converted.ndjson'))).toBe(false);
  });
});

describe('save_files', () => {
  test('has the counts and the files; its rollback has removed them', async () => {
    const { context, result, step } = await after('save_files');
    expect(context).toMatchObject({ exportedCount: 3, failedCount: 0, errorsJson: [], errorsOriginal: [] });
    const { json, originFiles } = context.outputPaths!;
    expect([await readdir(json), await readdir(originFiles)].flat()).toHaveLength(5);
    await writeFile(join(json, 'theirs.json'), '');
    context.errorsJson = [failure];
    context.errorsOriginal = [failure];
    await step.rollback(context, result, signal);
    expect(context).toMatchObject({ exportedCount: 0, failedCount: 0, errorsJson: [], errorsOriginal: [] });
    expect([await readdir(json), await readdir(originFiles)].flat()).toEqual(['theirs.json']);
  });

  test('counts an item as failed when one of its files is, and keeps the reason', async () => {
    const { context } = await after('save_files', ({ runtimeCtx }) => {
      const storage = runtimeCtx.storage as unknown as { files: Map<string, Buffer> };
      storage.files.delete('k/2');
    });
    expect(context).toMatchObject({
      exportedCount: 2,
      failedCount: 1,
      errorsOriginal: [{ id: 12, name: 'two.jpg', error: "there is no file 'k/2'" }],
    });
    expect(await readdir(context.outputPaths!.originFiles)).toEqual(['one.jpg']);
  });

  test('is skipped when no item was converted', async () => {
    const { context, step } = await after('save_files');
    expect(await step.canSkip(context, signal)).toBe(false);
    context.convertedItems = null;
    expect(await step.canSkip(context, signal)).toBe(true);
  });

  test('that is aborted leaves no file', async () => {
    const { context } = await after('convert_data');
    const controller = new AbortController();
    const { setMetrics } = context;
    context.setMetrics = (...args) => {
      controller.abort();
      setMetrics.apply(context, args);
    };
    await expect(new SaveFilesStep().execute(context, controller.signal)).rejects.toThrow();
    const { json, originFiles } = context.outputPaths!;
    expect([await readdir(json), await readdir(originFiles)].flat()).toEqual([]);
  });
});

describe('finalize', () => {
  test('has the output path and no working file; its rollback has no output path', async () => {
    const { context, result, step } = await after('finalize');
    expect(context.outputPath).toBe(join(pathRoot, 'export'));
    expect(await readdir(context.outputPath!)).toEqual(['json', 'origin_files']);
    await step.rollback(context, result, signal);
    expect(context.outputPath).toBeNull();
  });

  test('writes the list of errors, if there are any; its rollback removes it', async () => {
    const { context } = await after('save_files');
    context.errorsJson = [failure];
    const step = new ExportFinalizeStep();
    const result = await step.execute(context, signal);
    const file = join(pathRoot, 'export/error_file_list.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ convert: [], json: [failure], original: [] });
    await step.rollback(context, result);
    expect(await exists(file)).toBe(false);
  });

  test('is never skipped', async () => {
    const { context, step } = await after('finalize');
    Object.assign(context, { totalCount: 0, convertedItems: null, exportedCount: 0 });
    expect(await step.canSkip(context, signal)).toBe(false);
  });
});
