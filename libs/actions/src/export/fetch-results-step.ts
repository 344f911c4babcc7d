import { BaseStep, StepResult } from '@counterstep/steps';
import { backendOf } from '../runtime.js';
import type { ExportContext } from './export-context.js';
import { Source } from './source.js';

/** Finds the handler of the target, counts its results and opens them. They are fetched as later steps read them. */
export class FetchResultsStep extends BaseStep<ExportContext> {
  readonly name: string = 'fetch_results';
  readonly progressWeight: number = 0.1;

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult> {
    const { params, handlers } = context;
    const handler = handlers.find(({ target }) => target === params.target);
    if (!handler) {
      const known = handlers.map(({ target }) => target).join(', ');
      const error = `There is no target '${params.target}'. The targets are: ${known}.`;
      return new StepResult({ success: false, error });
    }
    const backend = backendOf(context.runtimeCtx, 'exports');
    const totalCount = await handler.count(backend, params, signal);
    const results = new Source((until) => handler.results(backend, params, until));
    Object.assign(context, { handler, totalCount, results });
    return new StepResult({ data: { totalCount } });
  }

  override rollback(context: ExportContext): void {
    Object.assign(context, { handler: null, totalCount: 0, results: null });
  }
}
