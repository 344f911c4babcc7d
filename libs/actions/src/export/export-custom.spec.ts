import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import { exportRuntime } from '../../test-support/export-runs.js';
import { filesIn } from '../../test-support/files.js';
import type { MadeFolder } from '../index.js';
import { BaseExportAction, DefaultExportAction } from './export-action.js';
import type { ExportContext } from './export-context.js';
import { exportParamsSchema } from './export-params.js';
import { ExportInitializeStep } from './initialize-step.js';
import type { ExportItem, TargetHandler } from './target-handler.js';
import { BackendTarget } from './target-handler.js';

let pathRoot = '';
beforeEach(async () => {
  pathRoot = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(pathRoot, { recursive: true }));

const params = (more: object = {}) => ({ project: 1, target: 'assignment', pathRoot, ...more });

describe('the hooks of an export', () => {
  test('are called for each item in their order, then once for the whole', async () => {
    const calls: string[] = [];
    class Hooked extends DefaultExportAction {
      override beforeConvert(item: ExportItem): ExportItem {
        calls.push(`before ${item.id}`);
        return { ...item, data: { step: 1 } };
      }
      override async convertData(item: ExportItem, context: ExportContext): Promise<ExportItem> {
        calls.push(`convert ${item.id}`);
        const { configuration, exportParams } = context;
        return { ...item, data: { ...(item.data as object), configuration, by: exportParams?.['by'] } };
      }
      override afterConvert(item: ExportItem): ExportItem {
        calls.push(`after ${item.id}`);
        return { ...item, name: `item-${item.id}` };
      }
      override async additionalFileSaving(uniqueExportPath: string, context: ExportContext): Promise<void> {
        calls.push(`files ${context.exportedCount}`);
        await writeFile(join(uniqueExportPath, 'README'), 'read me');
      }
    }
    const given = params({ filter: { status: 'done' }, extraParams: { by: 'ann' } });
    await new Hooked(given, exportRuntime()).run();
    expect(calls).toEqual([
      ...['before 11', 'convert 11', 'after 11'],
      ...['before 12', 'convert 12', 'after 12'],
      'files 2',
    ]);
    const files = await filesIn(join(pathRoot, 'export'));
    expect(files['README']).toBe('read me');
    expect(JSON.parse(files['json/item-12.json']!)).toEqual({
      step: 1,
      configuration: { classes: ['car'] },
      by: 'ann',
    });
  });

  test('that return what is not JSON fail the item', async () => {
    class Odd extends DefaultExportAction {
      override afterConvert(item: ExportItem): ExportItem {
        return item.id === 11 ? { ...item, data: undefined } : item;
      }
    }
    await new Odd(params({ filter: { status: 'done' } }), exportRuntime()).run();
    const list = await readFile(join(pathRoot, 'export/error_file_list.json'), 'utf8');
    expect(JSON.parse(list)).toMatchObject({
      convert: [{ id: 11, error: 'the converted data is not JSON' }],
    });
  });
});

describe("an export of one's own", () => {
  const customised = (change: (registry: StepRegistry<ExportContext>) => void) =>
    class extends DefaultExportAction {
      override setupSteps(registry: StepRegistry<ExportContext>): void {
        super.setupSteps(registry);
        change(registry);
      }
    };
  const noting = (name: string, note: (context: ExportContext) => void) =>
    new (class extends BaseStep<ExportContext> {
      readonly name = name;
      readonly progressWeight = 0.1;
      execute(context: ExportContext): StepResult {
        note(context);
        return new StepResult();
      }
    })();

  test('has a step before a built-in one', async () => {
    const seen: unknown[] = [];
    const check = noting('my_validation', ({ totalCount, convertedItems }) =>
      seen.push(totalCount, convertedItems),
    );
    const Mine = customised((registry) => registry.insertBefore('convert_data', check));
    expect(await new Mine(params(), exportRuntime()).run()).toMatchObject({
      stepsExecuted: 7,
      exportedCount: 3,
    });
    expect(seen).toEqual([3, null]);
  });

  test('has a step after a built-in one', async () => {
    const seen: unknown[] = [];
    const notify = noting('my_notification', ({ exportedCount, outputPath }) =>
      seen.push(exportedCount, outputPath),
    );
    const Mine = customised((registry) => registry.insertAfter('save_files', notify));
    expect(await new Mine(params(), exportRuntime()).run()).toMatchObject({ stepsExecuted: 7 });
    expect(seen).toEqual([3, null]);
  });

  test('has a step in place of a built-in one', async () => {
    const finish = noting('my_finalize', (context) => {
      context.outputPath = 'elsewhere';
    });
    const Mine = customised((registry) => registry.unregister('finalize').register(finish));
    expect(await new Mine(params(), exportRuntime()).run()).toMatchObject({
      stepsExecuted: 6,
      outputPath: 'elsewhere',
    });
    expect((await readdir(join(pathRoot, 'export'))).sort()).toEqual(['json', 'origin_files']);
  });

  test('has a built-in step that is extended, and rolls back what that one does', async () => {
    class MyInitialize extends ExportInitializeStep {
      override readonly name = 'my_initialize';
      override async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult<MadeFolder>> {
        const result = await super.execute(context, signal);
        await writeFile(join(result.rollbackData.own ?? '', 'began.txt'), 'now');
        return result;
      }
    }
    const Mine = customised((registry) =>
      registry.insertBefore('initialize', new MyInitialize()).unregister('initialize'),
    );
    await new Mine(params(), exportRuntime()).run();
    expect(await readFile(join(pathRoot, 'export/began.txt'), 'utf8')).toBe('now');
    const run = new Mine(params({ target: 'dreams', name: 'other' }), exportRuntime()).run();
    await expect(run).rejects.toMatchObject({ step: 'fetch_results', rollbackFailures: [] });
    expect(await readdir(pathRoot)).toEqual(['export']);
  });

  test('without the step that another one needs says which', async () => {
    const Mine = customised((registry) => registry.unregister('fetch_results'));
    const run = new Mine(params(), exportRuntime()).run();
    // With nothing counted there is nothing to prepare, convert or save.
    expect(await run).toMatchObject({ totalCount: 0, stepsExecuted: 2 });
    const Other = customised((registry) => registry.unregister('prepare_export'));
    await expect(new Other(params(), exportRuntime()).run()).rejects.toThrow(
      "needs what 'prepare_export' does",
    );
  });

  test('reads items as often as it likes', async () => {
    const seen: unknown[] = [];
    const look = new (class extends BaseStep<ExportContext> {
      readonly name = 'look';
      readonly progressWeight = 0;
      async execute({ exportItems }: ExportContext): Promise<StepResult> {
        for await (const { id } of exportItems!) seen.push(id);
        return new StepResult();
      }
    })();
    const Mine = customised((registry) => registry.insertAfter('prepare_export', look));
    expect(await new Mine(params(), exportRuntime()).run()).toMatchObject({ exportedCount: 3 });
    expect(seen).toEqual([11, 12, 13]);
  });

  test('has targets and parameters of its own', async () => {
    const dreams: TargetHandler = {
      target: 'dreams',
      count: async () => 1,
      results: async function* () {
        yield { id: 1, files: [], data: { of: 'sheep' } };
      },
      itemOf: ({ id, files, data }) => ({ id, name: 'dream', files, data }),
    };
    const paramsSchema = exportParamsSchema.extend({ loud: exportParamsSchema.shape.saveOriginalFile });
    class Mine extends DefaultExportAction {
      override readonly paramsSchema = paramsSchema;
      protected override targetHandlers(): TargetHandler[] {
        return [dreams, new BackendTarget('task')];
      }
    }
    const action = new Mine(params({ target: 'dreams', loud: false }), exportRuntime());
    await action.run();
    expect(action.params).toMatchObject({ loud: false });
    expect(await readFile(join(pathRoot, 'export/json/dream.json'), 'utf8')).toContain('sheep');
  });

  test('has only its own steps, in the context of an export', async () => {
    class Bare extends BaseExportAction {
      readonly paramsSchema = exportParamsSchema;
      override setupSteps(registry: StepRegistry<ExportContext>): void {
        registry.register(noting('write', (context) => (context.outputPath = context.params.pathRoot)));
      }
    }
    expect(await new Bare(params(), exportRuntime()).run()).toMatchObject({
      outputPath: pathRoot,
      stepsTotal: 1,
    });
  });
});
