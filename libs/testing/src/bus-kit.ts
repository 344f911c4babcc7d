import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, test } from './runner.js';
import type { Bus, Delivery, OutgoingMessage, SubscribeOptions, Subscription } from '@counterstep/bus';

/** What the suite needs of an implementation; made anew for each test. */
export interface BusHarness {
  /** Another client of the same broker. The suite closes it. */
  bus(): Bus;
  /** Takes the broker away; the returned function brings it back with everything that it confirmed. */
  outage?(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface Reader {
  readonly got: Delivery[];
  readonly subscription: Subscription;
  texts(): string[];
}

/** What the tests of the suite work with: a fresh topic and group for each of them. */
export interface BusKit {
  readonly topic: string;
  readonly group: string;
  readonly harness: BusHarness;
  readonly bus: () => Bus;
  readonly message: (key: string, text: string) => OutgoingMessage;
  /** Remembers what it gets, and acknowledges it at once unless it is to `keep` it. */
  readonly reader: (of: Bus, more?: Partial<SubscribeOptions> & { keep?: boolean }) => Reader;
  readonly eventually: (fact: () => boolean | Promise<boolean>, what: string) => Promise<void>;
  readonly promised: (fact: string, run: () => Promise<void>) => void;
}

export function busKit(makeHarness: () => Promise<BusHarness>, timeoutMs: number, groupMs: number): BusKit {
  let harness: BusHarness;
  let buses: Bus[] = [];
  let topic = '';
  let group = '';

  beforeEach(async () => {
    harness = await makeHarness();
    buses = [];
    topic = `conformance-${randomUUID()}.letters`;
    group = `conformance-${randomUUID()}`;
  }, timeoutMs);

  afterEach(async () => {
    await Promise.all(buses.map((made) => made.close({ drainMs: 0 })));
    await harness.close();
  }, timeoutMs);

  return {
    get topic() {
      return topic;
    },
    get group() {
      return group;
    },
    get harness() {
      return harness;
    },
    bus: () => {
      const made = harness.bus();
      buses.push(made);
      return made;
    },
    message: (key, text) => ({ topic, key, value: bytes(text) }),
    reader: (of, { keep = false, ...options } = {}) => {
      const got: Delivery[] = [];
      const onDeliveries = (deliveries: readonly Delivery[]): void => {
        got.push(...deliveries);
        if (!keep) for (const delivery of deliveries) delivery.ack();
      };
      const subscription = of.subscribe({ group, topics: [topic], onDeliveries, ...options });
      return { got, subscription, texts: () => got.map(textOf) };
    },
    eventually: async (fact, what) => {
      const deadline = performance.now() + groupMs;
      while (!(await fact())) {
        if (performance.now() > deadline) throw new Error(`waited ${groupMs} ms for: ${what}`);
        await sleep(5);
      }
    },
    promised: (fact, run) => test(fact, run, timeoutMs),
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const textOf = (delivery: Delivery): string =>
  new TextDecoder().decode(delivery.value ?? new Uint8Array());

/** The texts in the order of their first arrival: a message may come twice. */
export const firsts = (deliveries: readonly Delivery[]): string[] => [...new Set(deliveries.map(textOf))];
