import type { BarrierMode } from '@counterstep/protocol';
import { forwardKeyOf } from '@counterstep/worker';
import type { BarrierOrder } from '@counterstep/worker';

/** What truly became of one effect, which no orchestrator and no barrier has a say in. */
export interface Effect {
  readonly path: string;
  readonly mode: BarrierMode;
  /** How often it was done, and taken back. */
  done: number;
  undone: number;
  /** When, in the order of all that happened: it was last done, last taken back, and an undo was first tried. */
  doneAt: number;
  undoneAt: number;
  triedAt: number;
}

/**
 * The world. An effect in a transaction is done each time that the transaction commits. A service that is called honours
 * the effect key: it does each effect once, and takes back what it has done. In mode `none` nobody keeps count.
 */
export class Ledger {
  readonly #effects = new Map<string, Effect>();
  #ticks = 0;

  get effects(): Effect[] {
    return [...this.#effects.values()];
  }

  do(key: string, path: string, mode: BarrierMode): void {
    const effect = this.effect(key, path, mode);
    if (mode === 'external' && effect.done > 0) return;
    effect.done += 1;
    effect.doneAt = this.tick();
  }

  undo(key: string, path: string, mode: BarrierMode): void {
    const effect = this.effect(key, path, mode);
    if (mode === 'external' && effect.undone === effect.done) return;
    effect.undone = mode === 'external' ? effect.done : effect.undone + 1;
    effect.undoneAt = this.tick();
  }

  /** An undo came to the worker, whatever it found. */
  tried(key: string, path: string, mode: BarrierMode): void {
    const effect = this.effect(key, path, mode);
    effect.triedAt = Math.min(effect.triedAt, this.tick());
  }

  /** A person goes there and takes back what stands. Long after the rest of a saga, that says nothing about its order. */
  takeBack(path: string, isOver: boolean): void {
    for (const effect of this.effects)
      if (effect.path === path && stands(effect)) {
        effect.undone = effect.done;
        effect.undoneAt = isOver ? Infinity : this.tick();
      }
  }

  stands(path: string): boolean {
    return this.effects.some((effect) => effect.path === path && stands(effect));
  }

  private effect(key: string, path: string, mode: BarrierMode): Effect {
    const found = this.#effects.get(key);
    if (found) return found;
    const none = { done: 0, undone: 0, doneAt: 0, undoneAt: Infinity, triedAt: Infinity };
    const made: Effect = { path, mode, ...none };
    this.#effects.set(key, made);
    return made;
  }

  private tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }
}

export function stands({ done, undone }: Effect): boolean {
  return done > undone;
}

/** The key of the effect that the order is about. */
export function forwardKey(order: BarrierOrder): string {
  return order.direction === 'undo' ? forwardKeyOf(order) : order.effectKey;
}
