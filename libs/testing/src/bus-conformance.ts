import { describe } from './runner.js';
import { busBroadcastTests } from './bus-broadcast.js';
import { busDeliveryTests } from './bus-delivery.js';
import { busGroupsTests } from './bus-groups.js';
import { busKit, type BusHarness } from './bus-kit.js';
import { busLifeTests } from './bus-life.js';

/**
 * Defines the tests that every implementation of the port `Bus` must pass. Needs a broker without faults.
 * `timeoutMs` (default 30,000) bounds each test, `groupMs` (default 20,000) how long a group may take to settle.
 */
export function busConformance(
  name: string,
  makeHarness: () => Promise<BusHarness>,
  { timeoutMs = 30_000, groupMs = 20_000 }: { timeoutMs?: number; groupMs?: number } = {},
): void {
  describe(`${name} keeps the promises of the bus`, () => {
    const kit = busKit(makeHarness, timeoutMs, groupMs);
    busDeliveryTests(kit);
    busGroupsTests(kit);
    busBroadcastTests(kit);
    busLifeTests(kit);
  });
}
