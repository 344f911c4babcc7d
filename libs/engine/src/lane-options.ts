import type { Saga } from '@counterstep/core';
import type { BatchDecider } from './batch.js';
import type { StoreClock } from './clock.js';
import type { LaneHoldOptions } from './lane-hold.js';
import type { Outbox } from './outbox.js';
import type { UnreadableSagas } from './unreadable.js';

export interface LaneOptions extends LaneHoldOptions {
  readonly decider: BatchDecider;
  readonly clock: StoreClock;
  readonly newOutbox: () => Outbox;
  /** Inputs per batch. */
  readonly maxBatch: number;
  /** Sagas kept in memory. */
  readonly maxCached: number;
  readonly unreadable: UnreadableSagas;
  /** A saga's transition is committed. */
  readonly onMoved: (saga: Saga) => void;
  /** The broker has the messages of that transition. */
  readonly onConfirmed: (saga: Saga) => void;
  /** The lane was lost or its connection broke: somebody must send its messages again. */
  readonly onReopened: () => void;
}
