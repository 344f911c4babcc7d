import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import { backendOf } from '../runtime.js';
import type { ExportRecord } from './export-backend.js';
import type { ExportContext } from './export-context.js';
import { Source } from './source.js';
import type { ExportItem, TargetHandler } from './target-handler.js';

/** Gets the project's configuration, and puts together what the hooks are told. Skipped when there is nothing to export. */
export class PrepareExportStep extends BaseStep<ExportContext> {
  readonly name: string = 'prepare_export';
  readonly progressWeight: number = 0.1;

  override canSkip({ totalCount }: ExportContext): boolean {
    return totalCount === 0;
  }

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult> {
    const handler = needed(context.handler, 'fetch_results');
    const results = needed(context.results, 'fetch_results');
    const { project: projectId, extraParams, ...own } = context.params;
    const { configuration } = await backendOf(context.runtimeCtx, 'exports').project(projectId, signal);
    const exportParams = Object.freeze({ ...extraParams, ...own, projectId });
    const exportItems = new Source((until) => itemsOf(until ? results.until(until) : results, handler));
    Object.assign(context, {
      exportParams,
      configuration,
      projectId,
      exportItems,
    });
    return new StepResult({ data: { projectId } });
  }

  override rollback(context: ExportContext): void {
    Object.assign(context, { exportParams: null, configuration: null, projectId: null, exportItems: null });
  }
}

async function* itemsOf(
  results: AsyncIterable<ExportRecord>,
  handler: TargetHandler,
): AsyncIterable<ExportItem> {
  for await (const record of results) yield handler.itemOf(record);
}
