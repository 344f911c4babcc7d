import type { Saga } from '@counterstep/core';
import type { LaneRow } from '../memory-database.js';
import { MemoryStore } from '../memory-store.js';
import type { MemoryStoreOptions } from '../memory-store.js';
import type { Batch, CommitResult } from '../store.js';

/** The store in memory, which tells of every saga that a commit has moved. */
export class TellingStore extends MemoryStore {
  constructor(
    options: MemoryStoreOptions,
    private readonly tell: (saga: Saga) => void,
  ) {
    super(options);
  }

  override commit(row: LaneRow, epoch: number, batch: Batch): CommitResult {
    const result = super.commit(row, epoch, batch);
    if (result.kind === 'committed')
      for (const { saga } of batch.writes) if (!result.stale.includes(saga.sagaId)) this.tell(saga);
    return result;
  }
}
