export { busConformance } from './bus-conformance.js';
export type { BusHarness } from './bus-conformance.js';
