import type { Commit, Occasion, Orchestrators } from './orchestrator.js';
import type { Sagas } from './sagas.js';
import { Violation } from './violation.js';

/**
 * Shows that sagas may be told apart without what forget.ts forgets: whatever happens to a saga as it is, in a walk that
 * forgets nothing, happens to what is left of it too; both do the same, send the same, and become alike again. So whatever
 * can be reached with less detail can be reached with all of it, and the other way round.
 */
export class Alike {
  constructor(
    private readonly sagas: Sagas,
    private readonly forgetful: Orchestrators,
  ) {}

  reply(saga: number, message: number, commit: Commit | undefined): void {
    this.compare(commit, this.forgetful.reply(this.left(saga), message));
  }

  dead(saga: number, message: number, isDead: boolean): void {
    if (this.forgetful.isDead(this.left(saga), message) !== isDead) differ('a reply', 'is settled');
  }

  occasions(saga: number, occasions: readonly Occasion[]): void {
    const others = this.forgetful.occasions(this.left(saga));
    if (others.length !== occasions.length) differ('the saga', 'can go on');
    for (const [index, { kind, attempt, commit }] of occasions.entries()) {
      const other = others[index];
      if (other?.kind !== kind || other.attempt !== attempt) differ(commit.words(), 'is possible');
      this.compare(commit, other?.commit);
    }
  }

  private compare(commit: Commit | undefined, other: Commit | undefined): void {
    if (!commit && !other) return;
    if (!commit || !other) return differ(commit?.words() ?? other?.words() ?? '', 'does something');
    if (commit.words() !== other.words()) differ(commit.words(), 'happens');
    if (commit.commands.join() !== other.commands.join()) differ(commit.words(), 'sends the same');
    if (this.left(commit.saga) !== other.saga) differ(commit.words(), 'leads to the same');
  }

  /** What is left of the saga. */
  private left(saga: number): number {
    return this.forgetful.sagas.number(this.sagas.value(saga));
  }
}

function differ(what: string, verb: string): never {
  throw new Violation('forgetting', `whether ${what} ${verb} hangs on what the walks forget`);
}
