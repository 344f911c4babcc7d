import {
  NOTHING_TOLD,
  WorkflowExecutionError,
  explain,
  fold,
  mermaidOf,
  statusOf,
  undoPreview,
} from '@counterstep/core';
import type {
  Explanation,
  HistoryRecord,
  Saga,
  SagaStatus,
  Told,
  UndoPreview,
  Workflow,
} from '@counterstep/core';
import type { Registry } from './registry.js';
import { checkSagaId, sagaNotFound } from './requests.js';
import type { NumberedRecord, Store } from './store.js';
import { unreadableHistory } from './unreadable.js';

/** What can be told of one saga, read from its history. What it throws stands at the methods of `Orchestrator`. */
export class SagaReader {
  constructor(
    private readonly store: Pick<Store, 'load' | 'now'>,
    private readonly registry: Registry,
    private readonly view: { told(sagaId: string): Told } = { told: () => NOTHING_TOLD },
  ) {}

  async status(sagaId: string): Promise<SagaStatus> {
    const saga = await this.saga(sagaId);
    return statusOf(saga, this.registry.pinned(saga.workflow.digest), this.view.told(sagaId));
  }

  async history(sagaId: string): Promise<readonly HistoryRecord[]> {
    const records = await this.records(sagaId);
    return records.map(({ lane: _, number: __, ...record }) => record);
  }

  async explanation(sagaId: string): Promise<Explanation> {
    const saga = await this.saga(sagaId);
    return explain(saga, this.registry.pinned(saga.workflow.digest), await this.store.now());
  }

  async undoPreview(sagaId: string): Promise<UndoPreview> {
    const saga = await this.saga(sagaId);
    return undoPreview(saga, this.definitionOf(saga));
  }

  async diagram(sagaId: string): Promise<string> {
    const saga = await this.saga(sagaId);
    return mermaidOf(this.definitionOf(saga), saga);
  }

  private async records(sagaId: string): Promise<readonly NumberedRecord[]> {
    const [stored] = await this.store.load([checkSagaId(sagaId)]);
    if (!stored) throw sagaNotFound(sagaId);
    return stored.records;
  }

  private async saga(sagaId: string): Promise<Saga> {
    const records = await this.records(sagaId);
    let saga: Saga | undefined;
    try {
      saga = fold(sagaId, records);
    } catch (error) {
      throw unreadableHistory(sagaId, error);
    }
    if (!saga) throw sagaNotFound(sagaId);
    return saga;
  }

  private definitionOf({ sagaId, workflow: { name, version, digest } }: Saga): Workflow {
    const workflow = this.registry.pinned(digest);
    if (workflow) return workflow;
    const message = `this process lacks the definition ${name} ${version} (${digest})`;
    throw new WorkflowExecutionError('UNKNOWN_DEFINITION', message, { sagaId }, true);
  }
}
