import type { Workflow } from '@counterstep/core';
import type { Direction } from '@counterstep/protocol';
import { deed } from '../words.js';
import type { Finding } from './checks.js';
import type { World } from './world.js';

/** `reserve/3/book` as the definition has it: `reserve/*` + `/book`. */
export function generalPath(path: string): string {
  return path.replaceAll(/(?<=\/)\d+(?=\/|$)/g, '*');
}

/** Which steps and undos any simulated saga came to: of the others nothing is known. */
export class Reach {
  readonly #sent = new Set<string>();
  readonly #mistakes = new Map<string, Finding>();

  constructor(private readonly workflow: Workflow) {}

  saw({ play }: World): void {
    for (const { step, direction } of play.sent) this.#sent.add(`${direction} ${generalPath(step)}`);
  }

  /** Taken as true, the condition at that path led to a mistake in the definition's code. */
  failed(path: string, mistake: Finding): void {
    this.#mistakes.set(path, mistake);
  }

  findings(): Finding[] {
    return this.workflow.paths().flatMap((path) => {
      const member = this.workflow.member(path);
      if (member.kind !== 'step') return [];
      const directions: Direction[] = member.compensation === undefined ? ['forward'] : ['forward', 'undo'];
      const missed = directions.find((direction) => !this.#sent.has(`${direction} ${path}`));
      return missed === undefined ? [] : [this.unreached(path, missed)];
    });
  }

  private unreached(path: string, direction: Direction): Finding {
    const [mistake] = [...this.#mistakes].find(([at]) => at === path || path.startsWith(`${at}/`)) ?? [];
    const why =
      mistake === undefined
        ? ''
        : `: its condition is false, and taken as true, ${this.#mistakes.get(mistake)?.sentence ?? ''}`;
    return {
      code: 'NOT_REACHED',
      step: path,
      sentence: `no simulated saga comes to ${deed(path, direction)}${why}`,
      mend: 'give `inputs` and `outputs` that lead there',
    };
  }
}
