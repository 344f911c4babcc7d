import type { Saga, StepProgress } from '@counterstep/core';
import { forgetShell, forgetStep } from './forget.js';
import type { Shell } from './forget.js';
import { Interned } from './intern.js';
import { Recent } from './recent.js';
import { StateTable } from './state-table.js';

/**
 * Gives sagas that are alike one number. Sagas are many and their parts are few, so a saga is kept as the numbers of its
 * parts, and put together when it is asked for.
 */
export class Sagas {
  private readonly shells = new Parts<Shell>();
  private readonly steps = new Parts<StepProgress>();
  private readonly table = new StateTable();
  private readonly recent = new Recent<Saga>(20_000);

  /** `forgets`: sagas are alike that differ only in what no rule asks about. */
  constructor(private readonly forgets: boolean) {}

  number(saga: Saga): number {
    const { steps, ...rest } = saga;
    const shell = this.shells.numberOf(saga, () => (this.forgets ? forgetShell(rest) : rest));
    const parts = Object.values(steps).map((step) =>
      this.steps.numberOf(step, () => (this.forgets ? forgetStep(step) : step)),
    );
    return this.table.add([shell, ...parts]).place;
  }

  value(number: number): Saga {
    return this.recent.get(number, () => {
      const [shell, ...parts] = this.table.at(number);
      const steps = parts.map((part) => this.steps.value(part));
      const named = Object.fromEntries(steps.map((step) => [step.path, step]));
      return { ...this.shells.value(shell as number), steps: named };
    });
  }

  get size(): number {
    return this.table.size;
  }
}

/** Equal parts are one object, so that one that has not changed is known at once. */
class Parts<Part extends object> {
  private readonly interned = new Interned<Part>();
  private readonly known = new WeakMap<object, number>();

  /** The number of what `source` is kept as. */
  numberOf(source: object, part: () => Part): number {
    let number = this.known.get(source);
    if (number === undefined) {
      number = this.interned.number(part());
      this.known.set(source, number);
      this.known.set(this.interned.value(number), number);
    }
    return number;
  }

  value(number: number): Part {
    return this.interned.value(number);
  }
}
