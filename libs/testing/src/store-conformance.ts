import { afterEach, beforeEach, describe, test } from './runner.js';
import type { Store } from '@counterstep/engine';
import { contextPromises } from './store-contexts.js';
import { definitionPromises } from './store-definitions.js';
import { keyPromises } from './store-keys.js';
import { lanePromises } from './store-lanes.js';
import { livenessPromises } from './store-liveness.js';
import { lookupPromises } from './store-lookups.js';
import { watchingPromises } from './store-watching.js';
import { writePromises } from './store-writes.js';

/** What the suite needs of an implementation; made anew, and empty, for each test. */
export interface StoreHarness {
  /** Another store on the same data, opened, as of another process. The suite closes it. */
  store(): Promise<Store>;
  /** As if that store's process died now. */
  crash(store: Store): Promise<void>;
  /** Takes a lane over although its owner lives, as after a lock that was lost unnoticed. */
  usurp(laneId: number): Promise<void>;
  /** How many transactions have written so far, by the store's own account, where it keeps one. */
  transactions?(): Promise<number>;
  close(): Promise<void>;
}

/** What a group of promises is tested with. */
export interface StoreSuite {
  /** Another store on the data of this test. */
  store(): Promise<Store>;
  harness(): StoreHarness;
  promised(fact: string, run: () => Promise<void>): void;
}

/** Defines the tests that every implementation of the port `Store` must pass. `timeoutMs` (default 30,000) bounds each. */
export function storeConformance(
  name: string,
  makeHarness: () => Promise<StoreHarness>,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): void {
  describe(`${name} keeps the promises of the store`, () => {
    let harness: StoreHarness;
    let stores: Store[] = [];

    beforeEach(async () => {
      harness = await makeHarness();
      stores = [];
    }, timeoutMs);

    afterEach(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await harness.close();
    }, timeoutMs);

    const suite: StoreSuite = {
      store: async () => {
        const store = await harness.store();
        stores.push(store);
        return store;
      },
      harness: () => harness,
      promised: (fact, run) => test(fact, run, timeoutMs),
    };

    describe('writes', () => writePromises(suite));
    describe('keys', () => keyPromises(suite));
    describe('lanes', () => lanePromises(suite));
    describe('look-ups', () => lookupPromises(suite));
    describe('watching', () => watchingPromises(suite));
    describe('definitions', () => definitionPromises(suite));
    describe('liveness', () => livenessPromises(suite));
    describe('contexts', () => contextPromises(suite));
  });
}
