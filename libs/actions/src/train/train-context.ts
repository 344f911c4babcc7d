import { BaseStepContext } from '@counterstep/steps';
import type { ActionRuntime } from '../runtime.js';

/**
 * What the steps of a training share. `Data` is what it learns from and `Model` what it learns, in any form. The steps fill
 * the fields; each is null until one has.
 */
export class TrainContext<Params = unknown, Data = unknown, Model = unknown> extends BaseStepContext {
  dataset: Data | null = null;
  model: Model | null = null;
  /** The epoch that was told last, from 1 on; 0 before the first. */
  epoch = 0;
  /** The last value of each. */
  metrics: Readonly<Record<string, number>> = {};
  /** The local file to which the model was saved. */
  checkpointPath: string | null = null;
  /** The key under which the storage has the model. */
  modelKey: string | null = null;

  constructor(
    override readonly runtimeCtx: ActionRuntime,
    readonly params: Params,
  ) {
    super(runtimeCtx);
  }

  /** Tells that an epoch is over: as progress of the current step, and with what was measured. */
  reportEpoch(epoch: number, epochs: number, metrics: Readonly<Record<string, number>>): void {
    this.epoch = epoch;
    this.metrics = { ...this.metrics, ...metrics };
    this.setProgress(epoch, epochs);
    this.setMetrics({ epoch, ...metrics });
  }
}
