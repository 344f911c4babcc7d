import type { StepRunSummary } from '@counterstep/steps';
import { BaseAction } from '../base-action.js';
import { TrainContext } from './train-context.js';

/** What a training resolves with. How many steps there were is told only when there were steps. */
export interface TrainResult extends Partial<StepRunSummary> {
  readonly metrics: Readonly<Record<string, number>>;
  readonly checkpointPath: string | null;
  readonly modelKey: string | null;
}

/**
 * A training. Register its steps in `setupSteps`, which share a `TrainContext`; or, when one phase is enough, write `execute`.
 * No steps are built in: what is prepared, trained and saved differs too much.
 */
export abstract class BaseTrainAction<Params, Data = unknown, Model = unknown> extends BaseAction<
  Params,
  TrainContext<Params, Data, Model>,
  TrainResult
> {
  override createContext(): TrainContext<Params, Data, Model> {
    return new TrainContext(this.ctx, this.params);
  }

  protected override resultOf(
    { metrics, checkpointPath, modelKey }: TrainContext<Params, Data, Model>,
    summary: StepRunSummary,
  ): TrainResult {
    return { ...summary, metrics, checkpointPath, modelKey };
  }
}
