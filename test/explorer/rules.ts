import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type * as Core from '@counterstep/core';

/** What is walked: the heart of the orchestrator and the rules of the barrier, or a wrong version of them. */
export interface Rules {
  readonly decide: typeof Core.decide;
  readonly effectsOf: typeof Core.effectsOf;
  readonly evolve: typeof Core.evolve;
  readonly isLive: typeof Core.isLive;
  readonly interventionsOf: typeof Core.interventionsOf;
  readonly enterBarrier: typeof Core.enterBarrier;
  readonly leaveBarrier: typeof Core.leaveBarrier;
}

/** The rules as the sources under `root` have them. */
export async function rulesAt(root: string): Promise<Rules> {
  const source = (path: string): Promise<unknown> => import(pathToFileURL(join(root, 'libs', path)).href);
  const core = (await source('core/src/index.ts')) as typeof Core;
  const { decide, effectsOf, evolve, isLive, interventionsOf, enterBarrier, leaveBarrier } = core;
  return { decide, effectsOf, evolve, isLive, interventionsOf, enterBarrier, leaveBarrier };
}
