import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import { exportRuntime, originals, streets } from '../../test-support/export-runs.js';
import { filesIn } from '../../test-support/files.js';
import { recording } from '../../test-support/runtime.js';
import { MemoryBackend } from '../backend/memory-backend.js';
import { runAction } from '../run-action.js';
import { DefaultExportAction } from './export-action.js';
import type { ExportContext } from './export-context.js';
import type { ExportItem, TargetHandler } from './target-handler.js';
import { BackendTarget } from './target-handler.js';

let pathRoot = '';
beforeEach(async () => {
  pathRoot = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(pathRoot, { recursive: true }));

const params = (more: object = {}) => ({ project: 1, target: 'assignment', pathRoot, ...more });
class Boom extends BaseStep<ExportContext> {
  readonly name = 'boom';
  readonly progressWeight = 0;
  execute(): StepResult {
    return new StepResult({ success: false, error: 'boom' });
  }
}

describe('an export', () => {
  test('saves the data and the original files of all records, in a folder of its own', async () => {
    const runtime = exportRuntime();
    const result = await new DefaultExportAction(params(), runtime).run();
    const outputPath = join(pathRoot, 'export');
    expect(result).toEqual({
      success: true,
      stepsExecuted: 6,
      stepsTotal: 6,
      outputPath,
      totalCount: 3,
      exportedCount: 3,
      failedCount: 0,
    });
    const files = await filesIn(outputPath);
    expect(Object.keys(files)).toEqual([
      'json/assignment_13.json',
      'json/one.json',
      'json/two.json',
      'origin_files/one.jpg',
      'origin_files/two.jpg',
    ]);
    expect(JSON.parse(files['json/two.json']!)).toEqual({ status: 'done', cars: 2 });
    expect(files['origin_files/one.jpg']).toBe('bytes of one');
    expect(runtime.progress.filter(([, , category]) => category === 'overall')).toEqual(
      [5, 15, 25, 55, 90, 100].map((percent) => [percent, 100, 'overall']),
    );
    expect(
      runtime.progress.filter(([, , category]) => category === 'save_files').map(([now, all]) => [now, all]),
    ).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(runtime.progress.filter(([, , category]) => category === 'convert_data')).toHaveLength(3);
    expect(runtime.metrics.at(-1)).toEqual([{ exported: 3, failed: 0, waiting: 0 }, 'save_files']);
    expect(runtime.logs).toContainEqual({
      event: 'export_finished',
      data: { outputPath, totalCount: 3, exportedCount: 3, failedCount: 0 },
    });
  });

  test('takes the records of the target that fit the filter', async () => {
    await new DefaultExportAction(
      params({ filter: { status: 'open' }, name: 'open' }),
      exportRuntime(),
    ).run();
    await new DefaultExportAction(params({ target: 'task', name: 'tasks' }), exportRuntime()).run();
    expect(Object.keys(await filesIn(pathRoot))).toEqual([
      'open/json/assignment_13.json',
      'tasks/json/task_7.json',
    ]);
  });

  test('never shares a folder with another one', async () => {
    const runs = [1, 2, 3].map(() =>
      new DefaultExportAction(params({ name: 'mine' }), exportRuntime()).run(),
    );
    const paths = (await Promise.all(runs)).map(({ outputPath }) => outputPath);
    expect(new Set(paths)).toEqual(new Set(['mine', 'mine_1', 'mine_2'].map((name) => join(pathRoot, name))));
  });

  test('without the originals needs no storage', async () => {
    const runtime = recording({ backend: new MemoryBackend(streets) });
    const { exportedCount } = await new DefaultExportAction(
      params({ saveOriginalFile: false }),
      runtime,
    ).run();
    expect(exportedCount).toBe(3);
    expect(await readdir(join(pathRoot, 'export/origin_files'))).toEqual([]);
    await expect(new DefaultExportAction(params(), runtime).run()).rejects.toMatchObject({
      message: expect.stringContaining("'storage'"),
    });
  });

  test('of nothing is an empty folder: only what is needed then is done', async () => {
    const result = await new DefaultExportAction(params({ target: 'ground_truth' }), exportRuntime()).run();
    expect(result).toMatchObject({ stepsExecuted: 3, stepsTotal: 6, totalCount: 0, exportedCount: 0 });
    expect(await filesIn(result.outputPath!)).toEqual({});
  });

  test('keeps items of one name apart', async () => {
    const twin = { projectId: 1, target: 'assignment', files: [{ name: 'one.jpg', key: 'k/1' }], data: {} };
    const runtime = exportRuntime({
      ...streets,
      records: [
        { ...twin, id: 1 },
        { ...twin, id: 2, files: [{ name: 'one.jpg', key: 'k/2' }] },
      ],
    });
    await new DefaultExportAction(params({ parallelism: 1 }), runtime).run();
    expect(Object.keys(await filesIn(join(pathRoot, 'export')))).toEqual([
      'json/one.json',
      'json/one_2.json',
      'origin_files/one.jpg',
      'origin_files/one_2.jpg',
    ]);
    expect(await readFile(join(pathRoot, 'export/origin_files/one_2.jpg'), 'utf8')).toBe('bytes of two');
  });

  test('lists what could not be exported, and goes on', async () => {
    class Picky extends DefaultExportAction {
      override convertData(item: ExportItem): ExportItem {
        if (item.id === 13) throw new Error('no cars');
        return item;
      }
    }
    const bad = {
      projectId: 1,
      target: 'assignment',
      id: 14,
      files: [{ name: '../up.jpg', key: 'k/1' }],
      data: {},
    };
    const runtime = exportRuntime(
      { ...streets, records: [...streets.records, bad] },
      { 'k/1': originals['k/1'] },
    );
    const result = await new Picky(params(), runtime).run();
    expect(result).toMatchObject({ totalCount: 4, exportedCount: 1, failedCount: 3 });
    const files = await filesIn(pathRoot);
    expect(Object.keys(files)).toEqual([
      'export/error_file_list.json',
      'export/json/one.json',
      'export/json/two.json',
      'export/json/up.json',
      'export/origin_files/one.jpg',
    ]);
    expect(JSON.parse(files['export/error_file_list.json']!)).toEqual({
      convert: [{ id: 13, name: 'assignment_13', error: 'no cars' }],
      json: [],
      original: expect.arrayContaining([
        { id: 12, name: 'two.jpg', error: "there is no file 'k/2'" },
        {
          id: 14,
          name: '../up.jpg',
          error: expect.stringContaining("'../up.jpg' must be a plain file name"),
        },
      ]),
    });
  });

  test('fails when no item could be converted, or none saved, and leaves nothing behind', async () => {
    class Broken extends DefaultExportAction {
      override convertData(): ExportItem {
        throw new Error('no idea');
      }
    }
    await expect(new Broken(params(), exportRuntime()).run()).rejects.toMatchObject({
      step: 'convert_data',
      message: expect.stringContaining('no item could be converted; the first: one: no idea'),
      rollbackFailures: [],
    });
    const filter = { filter: { status: 'done' }, parallelism: 1 };
    await expect(
      new DefaultExportAction(params(filter), exportRuntime(streets, {})).run(),
    ).rejects.toMatchObject({
      step: 'save_files',
      message: expect.stringContaining("no item could be saved; the first: one.jpg: there is no file 'k/1'"),
    });
    expect(await readdir(pathRoot)).toEqual([]);
  });

  test('refuses a target that nobody knows, and names those there are', async () => {
    await expect(
      new DefaultExportAction(params({ target: 'dreams' }), exportRuntime()).run(),
    ).rejects.toMatchObject({
      step: 'fetch_results',
      message: expect.stringContaining("no target 'dreams'. The targets are: assignment, ground_truth, task"),
    });
    expect(await readdir(pathRoot)).toEqual([]);
  });

  test('says what the backend said', async () => {
    const run = new DefaultExportAction(params({ project: 2 }), exportRuntime()).run();
    await expect(run).rejects.toMatchObject({
      step: 'fetch_results',
      message: expect.stringContaining('there is no project 2'),
      retryable: false,
    });
  });

  test('refuses a name that leaves the folder, before anything is done', async () => {
    for (const name of ['../out', '/etc', '.', 'a/b', 'a\\b', '']) {
      await expect(new DefaultExportAction(params({ name }), exportRuntime()).run()).rejects.toMatchObject({
        code: 'PARAMS_INVALID',
        message: expect.stringContaining('name'),
      });
    }
    expect(await readdir(pathRoot)).toEqual([]);
  });

  test('refuses a parameter that is not known: a mistyped one would count for nothing', async () => {
    const run = new DefaultExportAction(params({ paralelism: 1 }), exportRuntime()).run();
    await expect(run).rejects.toMatchObject({
      code: 'PARAMS_INVALID',
      message: expect.stringContaining('paralelism'),
    });
  });

  test('into what is no folder says so', async () => {
    await writeFile(join(pathRoot, 'file'), '');
    const run = new DefaultExportAction(params({ pathRoot: join(pathRoot, 'file') }), exportRuntime()).run();
    await expect(run).rejects.toMatchObject({
      step: 'initialize',
      message: expect.stringMatching(/file: it cannot be made a folder/),
    });
  });

  test('that fails at the end removes its folder and the missing ones above, and only these', async () => {
    await mkdir(join(pathRoot, 'mine'));
    const filesBefore = join(pathRoot, 'mine/keep.txt');
    await writeFile(filesBefore, 'mine');
    class Failing extends DefaultExportAction {
      override setupSteps(registry: StepRegistry<ExportContext>): void {
        super.setupSteps(registry);
        registry.register(new Boom());
      }
    }
    const run = (folder: string) =>
      new Failing(params({ pathRoot: join(pathRoot, folder), name: 'mine' }), exportRuntime()).run();
    await expect(run('.')).rejects.toMatchObject({ step: 'boom', rollbackFailures: [] });
    await expect(run('a/b')).rejects.toMatchObject({ step: 'boom', rollbackFailures: [] });
    expect(await filesIn(pathRoot)).toEqual({ 'mine/keep.txt': 'mine' });
    expect(await readdir(pathRoot)).toEqual(['mine']);
  });

  test('leaves a folder above its own where somebody else has put something', async () => {
    class Shared extends DefaultExportAction {
      override async additionalFileSaving(): Promise<void> {
        await writeFile(join(pathRoot, 'a/theirs.txt'), '');
        throw new Error('boom');
      }
    }
    const run = new Shared(params({ pathRoot: join(pathRoot, 'a/b') }), exportRuntime()).run();
    await expect(run).rejects.toMatchObject({ step: 'finalize', rollbackFailures: [] });
    expect(await filesIn(pathRoot)).toEqual({ 'a/theirs.txt': '' });
    expect(await readdir(join(pathRoot, 'a'))).toEqual(['theirs.txt']);
  });

  test('ends when its signal is aborted, in the middle of an item, and leaves nothing behind', async () => {
    const controller = new AbortController();
    class Slow extends DefaultExportAction {
      override convertData(item: ExportItem): ExportItem {
        controller.abort();
        return item;
      }
    }
    const run = new Slow(params(), exportRuntime()).run({ signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED', step: 'convert_data' });
    expect(await readdir(pathRoot)).toEqual([]);
  });

  test('is the action `export`', async () => {
    expect(await runAction('export', params(), exportRuntime())).toMatchObject({ exportedCount: 3 });
  });

  test('holds one record at a time while it converts, and as many as may be saved at a time after that', async () => {
    const total = 300;
    let fetched = 0;
    let most = 0;
    let reading = 0;
    let mostReading = 0;
    class Counting extends DefaultExportAction {
      protected override targetHandlers(): TargetHandler[] {
        const handler = new BackendTarget('many');
        handler.count = async () => total;
        handler.results = async function* () {
          for (let id = 1; id <= total; id += 1) {
            fetched += 1;
            yield { id, files: [{ name: `${id}.jpg`, key: 'k/1' }], data: {} };
          }
        };
        return [handler];
      }
      override convertData(item: ExportItem): ExportItem {
        most = Math.max(most, fetched - Number(item.id));
        return item;
      }
    }
    const runtime = exportRuntime();
    const { read } = runtime.storage!;
    const waiting: (() => void)[] = [];
    runtime.storage!.read = async (key) => {
      reading += 1;
      mostReading = Math.max(mostReading, reading);
      // Each waits until there are three.
      await new Promise<void>((go) => {
        waiting.push(go);
        if (waiting.length === 3) for (const one of waiting.splice(0)) one();
      });
      const content = await read.call(runtime.storage, key);
      return content.once('close', () => (reading -= 1));
    };
    const result = await new Counting(params({ target: 'many', parallelism: 3 }), runtime).run();
    expect(result).toMatchObject({ exportedCount: total, failedCount: 0 });
    expect(most).toBe(0);
    expect(mostReading).toBe(3);
  });

  test('whose records break off in the middle leaves nothing behind', async () => {
    class Breaking extends DefaultExportAction {
      protected override targetHandlers(): TargetHandler[] {
        const handler = new BackendTarget('assignment');
        handler.results = async function* () {
          yield { id: 1, files: [], data: {} };
          throw new Error('the line is dead');
        };
        return [handler];
      }
    }
    await expect(new Breaking(params(), exportRuntime()).run()).rejects.toMatchObject({
      step: 'convert_data',
      message: expect.stringContaining('the line is dead'),
      rollbackFailures: [],
    });
    expect(await readdir(pathRoot)).toEqual([]);
  });
});
