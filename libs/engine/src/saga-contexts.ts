import { StateStoreError, fold } from '@counterstep/core';
import type { SagaState } from '@counterstep/protocol';
import type { Lane, NumberedRecord, SagaContext, SagaQuery, Store, StoredSaga } from './store.js';

/**
 * `saveContext` for any store: one write at a time, through a lane of its own that is opened at the first one. Nothing is
 * published for these writes, so their numbers are confirmed by the batch that writes them.
 */
export class ContextWriter {
  private lane: Lane | undefined;
  private number = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly openLane: () => Promise<Lane>) {}

  /** Rejects with `StateStoreError`: `STALE_SAGA` when the saga has moved on, else as a commit does. */
  save(context: SagaContext): Promise<void> {
    const saved = this.turn.then(() => this.write(context));
    this.turn = saved.catch(() => undefined);
    return saved;
  }

  private async write({ saga, record }: SagaContext): Promise<void> {
    for (;;) {
      const lane = await this.presentLane();
      const number = ++this.number;
      const write = {
        expectedVersion: record.seq - 1,
        saga,
        records: [{ ...record, lane: lane.id, number }],
      };
      const result = await lane
        .commit({ writes: [write], confirmed: number, park: [], unpark: [] })
        .catch((error: unknown) => {
          // The lane may have died with its connection; the next write opens another.
          if (error instanceof StateStoreError) this.forgetLane(lane);
          throw error;
        });
      if (result.kind === 'laneLost') this.forgetLane(lane);
      else if (result.stale.length === 0) return;
      else
        throw new StateStoreError(
          'STALE_SAGA',
          `saga ${saga.sagaId} is not at version ${record.seq - 1} any more`,
        );
    }
  }

  private async presentLane(): Promise<Lane> {
    if (!this.lane) {
      this.lane = await this.openLane();
      this.number = 0;
    }
    return this.lane;
  }

  private forgetLane(lane: Lane): void {
    this.lane = undefined;
    lane.close().catch(() => undefined);
  }
}

/** The saga that a stored history tells of, with its last record. */
export function contextOfStored(stored: StoredSaga | undefined): SagaContext | undefined {
  const saga = stored && fold(stored.sagaId, stored.records);
  const last = stored?.records.at(-1);
  return saga && last && { saga, record: plainRecord(last) };
}

function plainRecord({ seq, at, event, facts }: NumberedRecord): SagaContext['record'] {
  return { seq, at, event, facts };
}

/** `listContexts` for any store: all pages of `list`. */
export async function listAllIds(
  store: Pick<Store, 'list'>,
  { workflowId, state }: { workflowId?: string; state?: SagaState },
): Promise<string[]> {
  const filter = {
    ...(workflowId !== undefined && { workflow: workflowId }),
    ...(state && { states: [state] }),
  };
  const ids: string[] = [];
  for (;;) {
    const before = ids.at(-1);
    const query: SagaQuery = { ...filter, ...(before !== undefined && { before }), limit: PAGE };
    const rows = await store.list(query);
    ids.push(...rows.map((row) => row.sagaId));
    if (rows.length < PAGE) return ids;
  }
}

const PAGE = 1_000;
