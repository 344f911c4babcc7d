export { busConformance } from './bus-conformance.js';
export type { BusHarness } from './bus-kit.js';
export { barrierConformance } from './barrier-conformance.js';
export type { BarrierUnderTest } from './barrier-conformance.js';
export { storeConformance } from './store-conformance.js';
export type { StoreHarness } from './store-conformance.js';
export { CommandClient } from './command-client.js';
export { NOON, TIMEOUT, Tale, Writer } from './sagas-for-stores.js';
