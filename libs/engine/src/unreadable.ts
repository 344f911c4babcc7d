import { WorkflowExecutionError, fold } from '@counterstep/core';
import type { HistoryRecord, Saga } from '@counterstep/core';
import type { Logger } from './logger.js';
import type { StoredSaga } from './store.js';

export const UNREADABLE_HISTORY = 'UNREADABLE_HISTORY';

/** For who asks for that saga. */
export function unreadableHistory(sagaId: string, error: unknown): WorkflowExecutionError {
  const reason = error instanceof Error ? error.message : String(error);
  const message = `this version cannot read the history of saga ${sagaId}: ${reason}`;
  return new WorkflowExecutionError(UNREADABLE_HISTORY, message, { sagaId }, true);
}

const MOST_REMEMBERED = 10_000;

/**
 * Sagas whose history this version cannot read: a newer one has written it. They cost nobody else anything: what comes for
 * them is parked, and whoever can read them goes on.
 */
export class UnreadableSagas {
  private readonly known = new Set<string>();

  constructor(private readonly logger: Logger) {}

  /** Those that were met, the last 10,000. */
  get ids(): string[] {
    return [...this.known];
  }

  has(sagaId: string): boolean {
    return this.known.has(sagaId);
  }

  /** The saga that the history tells of; undefined when it cannot be read, which is logged once. */
  fold({ sagaId, records }: StoredSaga): Saga | undefined {
    return this.reading(sagaId, () => fold(sagaId, records));
  }

  /** What `read` gives; undefined when it throws. */
  reading<Result>(sagaId: string, read: () => Result): Result | undefined {
    try {
      const result = read();
      this.known.delete(sagaId);
      return result;
    } catch (error) {
      this.met(sagaId, error);
      return undefined;
    }
  }

  private met(sagaId: string, error: unknown): void {
    if (this.known.has(sagaId)) return;
    this.known.add(sagaId);
    const [oldest] = this.known;
    if (this.known.size > MOST_REMEMBERED && oldest !== undefined) this.known.delete(oldest);
    this.logger.error('the history of a saga cannot be read by this version; what comes for it is parked', {
      sagaId,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

/** The definition of a history that cannot be read otherwise; '' when not even that can be found. */
export function digestOf(records: readonly HistoryRecord[]): string {
  for (const { facts } of records)
    for (const fact of facts as readonly { readonly workflow?: { readonly digest?: unknown } }[])
      if (typeof fact?.workflow?.digest === 'string') return fact.workflow.digest;
  return '';
}
