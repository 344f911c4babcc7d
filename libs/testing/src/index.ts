export { given } from './scenario.js';
export type { FailureOptions, Scenario, StartOptions, SuccessOptions } from './scenario.js';
export type { ScenarioOptions } from './scenario-saga.js';
export type { UndoOrder } from './undo-order.js';
export { simulateAll } from './simulate/simulate-all.js';
export type { SimulateOptions } from './simulate/simulate-all.js';
export type {
  AcceptedProblem,
  SimulatedRun,
  SimulationProblem,
  SimulationReport,
} from './simulate/report.js';
export type { Finding, ProblemCode } from './simulate/checks.js';
export { busConformance } from './bus-conformance.js';
export type { BusHarness } from './bus-kit.js';
export { answersOf } from './answers-of.js';
export { barrierConformance } from './barrier-conformance.js';
export type { BarrierUnderTest } from './barrier-conformance.js';
export { storeConformance } from './store-conformance.js';
export type { StoreHarness } from './store-conformance.js';
export { storageConformance } from './storage-conformance.js';
export type { StorageHarness } from './storage-conformance.js';
export { CommandClient } from './command-client.js';
export { NOON, TIMEOUT, Tale, Writer } from './sagas-for-stores.js';
