import { beforeEach, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { AbsentDefinitions } from './absent-definitions.js';
import { silentLogger } from './logger.js';
import { MemoryStore } from './memory-store.js';
import { Registry } from './registry.js';
import type { PinnedDefinition } from './store.js';

const own = new WorkflowBuilder('own').addStep('a', 'x.a', { readOnly: true }).build();
const foreign = { digest: 'd', workflow: 'order', version: 2, sagas: 1 };

let now: number;
let looks: number;
let absent: PinnedDefinition[];
let held: string[];
let watch: AbsentDefinitions;

beforeEach(() => {
  [now, looks, absent, held] = [0, 0, [], []];
  class Told extends MemoryStore {
    override absentDefinitions = async () => {
      looks += 1;
      return absent;
    };
    override pinnedSagas = async ([digest]: readonly string[], { held: isHeld }: { held: boolean }) =>
      isHeld ? [] : [`saga of ${digest}`];
  }
  watch = new AbsentDefinitions({
    store: new Told(),
    registry: new Registry([own]),
    clock: { now: () => now, after: () => () => undefined },
    logger: silentLogger,
    push: ({ sagaId }) => held.push(sagaId),
    patience: 100,
  });
});

/** Looks every 10 ms until then. */
async function lookUntil(time: number): Promise<void> {
  for (; now <= time; now += 10) await watch.look();
}

test('asks a few times within the patience, and holds when it is over', async () => {
  absent = [foreign];
  await lookUntil(90);
  expect({ looks, held }).toEqual({ looks: 5, held: [] });
  await lookUntil(100);
  expect(held).toEqual(['saga of d']);
});

test('counts anew when the definition was back in between', async () => {
  absent = [foreign];
  await lookUntil(60);
  absent = [];
  await lookUntil(80);
  absent = [foreign];
  await lookUntil(190);
  expect(held).toEqual([]);
  await lookUntil(210);
  expect(held).toEqual(['saga of d']);
});

test('counts anew after a time in which nobody looked', async () => {
  absent = [foreign];
  await lookUntil(60);
  now = 1_000;
  await lookUntil(1_090);
  expect(held).toEqual([]);
  await lookUntil(1_100);
  expect(held).toEqual(['saga of d']);
});

test('does not doubt what this process has itself', async () => {
  absent = [{ ...foreign, digest: own.digest }];
  await lookUntil(1_000);
  expect(held).toEqual([]);
});
