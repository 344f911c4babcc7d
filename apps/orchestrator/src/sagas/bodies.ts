import { phaseOf } from '@counterstep/core';
import type { Fact, HistoryRecord, SagaRow, SagaStatus } from '@counterstep/core';
import type { HistoryBody, SagaBody, SagaPage, SagaSummary } from '@counterstep/protocol';

/* How the engine's answers look as bodies of the API. */

export function sagaBody(status: SagaStatus): SagaBody {
  return {
    ...status,
    currentSteps: [...status.currentSteps],
    steps: status.steps.map((step) => ({
      ...step,
      stage: [...step.stage],
      progress: [...step.progress],
      metrics: step.metrics.map((each) => ({ ...each, values: { ...each.values } })),
    })),
    logs: status.logs.map((line) => ({ ...line, data: { ...line.data } })),
    notUndone: [...status.notUndone],
    attention: status.attention.map((item) => ({
      ...item,
      since: isoTime(item.since),
      verbs: [...item.verbs],
    })),
  };
}

/** The first `limit` rows; any further one only tells that there is another page. */
export function sagaPage(rows: readonly SagaRow[], limit: number): SagaPage {
  const items = rows.slice(0, limit).map(summaryOf);
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.sagaId ?? null) : null };
}

export function historyBody(sagaId: string, records: readonly HistoryRecord[]): HistoryBody {
  return {
    sagaId,
    items: records.map(({ seq, at, event, facts }) => ({
      seq,
      at: isoTime(at),
      event,
      facts: facts.map((fact): Fact & Record<string, unknown> => ({ ...fact })),
    })),
  };
}

function summaryOf(row: SagaRow): SagaSummary {
  return {
    sagaId: row.sagaId,
    workflow: row.workflow.name,
    workflowVersion: row.workflow.version,
    state: row.state,
    phase: phaseOf(row),
    currentSteps: [...new Set(row.position.map(([step]) => step))],
    cause: row.cause ?? null,
    attention: row.attention.map((item) => ({ ...item, since: isoTime(item.since) })),
    createdAt: isoTime(row.createdAt),
    updatedAt: isoTime(row.updatedAt),
  };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
