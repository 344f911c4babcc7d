export { BarrierUnavailable } from './barrier/barrier.js';
export type { Answer, Barrier, BarrierEntry, BarrierOrder, Effect, EffectResult } from './barrier/barrier.js';
export { admit, admitUndo, forwardKeyOf, settle } from './barrier/rules.js';
export type { Admission, BarrierRow, RowState } from './barrier/rules.js';
export { PostgresBarrier } from './barrier/postgres-barrier.js';
export type { PostgresBarrierOptions } from './barrier/postgres-barrier.js';
export { barrierTableSql, ensureBarrierTable, purgeBarrier } from './barrier/table.js';
export type { BarrierTableOptions } from './barrier/table.js';
export type { WorkerDatabase } from './barrier/database.js';
