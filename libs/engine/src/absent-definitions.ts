import type { Clock } from './clock.js';
import type { Input } from './input.js';
import type { Logger } from './logger.js';
import type { Registry } from './registry.js';
import type { PinnedDefinition, Store } from './store.js';

export interface AbsentDefinitionsOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly push: (input: Input) => void;
  /** Milliseconds that a definition may be absent before its sagas are held for a person. */
  readonly patience: number;
}

const UNKNOWN_DEFINITION = 'UNKNOWN_DEFINITION';
/** Sagas that are held, or let go on, in one look. */
const MOST = 1_000;

/**
 * Holds the sagas whose definition no living orchestrator has: nothing would move them, and nobody would be told. A deploy
 * takes a definition away for a moment, so it must have been absent for a while, seen so by this process at every look.
 * Whoever has the definition lets them go on again.
 */
export class AbsentDefinitions {
  /** When each was first seen to be absent. */
  private readonly since = new Map<string, number>();
  private lastLook = -Infinity;
  private nextLook = -Infinity;

  constructor(private readonly options: AbsentDefinitionsOptions) {}

  /** To be called often; asks the store for what is absent a few times within the patience. */
  async look(): Promise<void> {
    const { store, registry, clock, patience } = this.options;
    await this.release();
    const now = clock.now();
    if (now < this.nextLook) return;
    const absent = (await store.absentDefinitions()).filter(({ digest }) => !registry.pinned(digest));
    // What was not watched may have been there.
    if (now - this.lastLook > patience) this.since.clear();
    const digests = new Set(absent.map(({ digest }) => digest));
    for (const digest of this.since.keys()) if (!digests.has(digest)) this.since.delete(digest);
    let isDone = true;
    for (const definition of absent) {
      const first = this.since.get(definition.digest) ?? now;
      this.since.set(definition.digest, first);
      if (now - first >= patience && !(await this.hold(definition))) isDone = false;
    }
    this.lastLook = now;
    this.nextLook = isDone ? now + patience / 5 : now;
  }

  private async release(): Promise<void> {
    const { store, registry, push } = this.options;
    const query = { held: true, code: UNKNOWN_DEFINITION } as const;
    const reason = 'the definition is here again';
    for (const sagaId of await store.pinnedSagas(registry.digests(), query, MOST))
      push({
        sagaId,
        event: { type: 'intervene', verb: 'release', actor: 'orchestrator', reason },
        origin: 'internal',
        settle: () => undefined,
      });
  }

  /** False when there are more of its sagas. */
  private async hold({ digest, workflow, version, sagas }: PinnedDefinition): Promise<boolean> {
    const { store, logger, push } = this.options;
    const sagaIds = await store.pinnedSagas([digest], { held: false }, MOST);
    if (sagaIds.length === 0) return true;
    const id = `${workflow}@${version}`;
    logger.error('no orchestrator has the definition of unfinished sagas', { workflow: id, digest, sagas });
    const message = `no orchestrator has the definition ${id} (${digest}): deploy it, and the saga goes on`;
    for (const sagaId of sagaIds)
      push({
        sagaId,
        event: { type: 'quarantine', code: UNKNOWN_DEFINITION, message },
        origin: 'internal',
        settle: () => undefined,
      });
    return sagaIds.length < MOST;
  }
}
