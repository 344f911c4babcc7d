import {
  NOTHING_TOLD,
  busySteps,
  evolve,
  isFinished,
  phaseOf,
  progressOf,
  stepStatusOf,
} from '@counterstep/core';
import type { Cause, HistoryRecord, LogLine, Saga, StepStatus, ToldStep } from '@counterstep/core';
import type { Phase, SagaState } from '@counterstep/protocol';
import type { ProgressView } from './progress-view.js';
import type { Registry } from './registry.js';
import { unreadableHistory } from './unreadable.js';

/** What is told of a saga to those who watch it. Times are ISO 8601. */
export type SagaUpdate = StateUpdate | ProgressUpdate | EndUpdate;

/** One record of its history, without payloads. */
export interface StateUpdate {
  readonly type: 'state';
  readonly sagaId: string;
  /** Without gaps, from 1. */
  readonly seq: number;
  readonly at: string;
  /** What made it, such as `start`, `reply` or `cancel`. */
  readonly event: string;
  readonly state: SagaState;
  readonly phase: Phase;
  readonly cause: Cause | null;
  /** The steps that it concerns, as they are after it. */
  readonly steps: readonly Omit<StepStatus, 'progress' | 'metrics'>[];
}

/** How far it is now. Of what handlers told, that which is new to this watcher. */
export interface ProgressUpdate {
  readonly type: 'progress';
  readonly sagaId: string;
  readonly progress: number;
  readonly currentSteps: readonly string[];
  readonly steps: readonly ToldStep[];
  readonly logs: readonly LogLine[];
  readonly logsDropped: number;
}

export interface EndUpdate {
  readonly type: 'end';
  readonly sagaId: string;
  readonly state: SagaState;
}

export interface SagaTellerOptions {
  readonly view: Pick<ProgressView, 'told'>;
  readonly registry: Pick<Registry, 'pinned'>;
}

/** What one watcher knows of its saga. */
export class SagaTeller {
  private saga: Saga | undefined;
  private revision = 0;
  private percent = -1;
  private busy = '';
  private dropped = 0;

  constructor(
    private readonly sagaId: string,
    private readonly options: SagaTellerOptions,
  ) {}

  get version(): number {
    return this.saga?.version ?? 0;
  }

  record(record: HistoryRecord): StateUpdate {
    const { sagaId } = this;
    let saga: Saga;
    try {
      saga = evolve(this.saga, sagaId, record);
    } catch (error) {
      throw unreadableHistory(sagaId, error);
    }
    this.saga = saga;
    const { seq, at, event, facts } = record;
    const paths = new Set(
      facts.flatMap((fact) => ('step' in fact && fact.step !== undefined ? fact.step : [])),
    );
    return {
      type: 'state',
      sagaId,
      seq,
      at: new Date(at).toISOString(),
      event,
      state: saga.state,
      phase: phaseOf(saga),
      cause: saga.cause ?? null,
      steps: [...paths].flatMap((path) => {
        const step = saga.steps[path];
        if (!step) return [];
        const { progress: _, metrics: __, ...status } = stepStatusOf(step, NOTHING_TOLD);
        return status;
      }),
    };
  }

  /** Undefined when there is nothing new. */
  progress(): ProgressUpdate | undefined {
    const { sagaId, saga } = this;
    if (!saga) return undefined;
    const { parts, steps, logs, dropped, revision } = this.options.view.told(sagaId, this.revision);
    const now = progressOf(saga, this.options.registry.pinned(saga.workflow.digest), parts);
    const isForward = saga.direction === 'forward' && !isFinished(saga);
    const progress = isForward ? Math.max(now, this.percent) : now;
    const currentSteps = busySteps(saga);
    const busy = currentSteps.join('\n');
    const isNew = progress !== this.percent || busy !== this.busy || dropped !== this.dropped;
    this.revision = revision;
    this.percent = progress;
    this.busy = busy;
    this.dropped = dropped;
    if (!isNew && steps.length + logs.length === 0) return undefined;
    return { type: 'progress', sagaId, progress, currentSteps, steps, logs, logsDropped: dropped };
  }

  end(): EndUpdate | undefined {
    const { sagaId, saga } = this;
    return saga && isFinished(saga) ? { type: 'end', sagaId, state: saga.state } : undefined;
  }
}
