import { isFinished, openAttempts, openWaits } from '@counterstep/core';
import type { Decision, Saga, SagaEvent, Workflow } from '@counterstep/core';
import type { Direction } from '@counterstep/protocol';
import { Outputs } from './outputs.js';
import { Play } from './play.js';
import { deed, historyInWords } from './words.js';

export interface ScenarioOptions {
  /** What steps give that the scenario does not speak of, by path or name; otherwise a sample of their output schema. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** In [0, 1): what the jitter of retries draws; default 0.5. */
  readonly random?: number;
}

/** A command that is out. */
export interface Out {
  readonly path: string;
  readonly direction: Direction;
  readonly worker: string;
}

/** More than any scenario needs. */
const MOST_MOVES = 10_000;

/** The saga of a scenario: takes it to where the scenario wants it, and tells what happened when that is not reached. */
export class ScenarioSaga {
  readonly play: Play;
  /** What scenario speaks of. */
  focus: Pick<Out, 'path' | 'direction'> | undefined;
  readonly #outputs: Outputs;
  #last: Decision | undefined;
  #lenient = false;

  constructor(
    readonly workflow: Workflow,
    options: ScenarioOptions,
  ) {
    this.play = new Play(workflow, options.random);
    this.#outputs = new Outputs(options.outputs);
  }

  get saga(): Saga {
    return this.play.saga;
  }

  /** What happened so far, in words. */
  toString(): string {
    return historyInWords(this.workflow, this.play.history).join('\n');
  }

  /** Throws when the event is not applied, unless that is what is looked for. */
  apply(event: SagaEvent): void {
    const decision = this.play.decide(event);
    this.#last = decision;
    if (decision.kind === 'applied' || this.#lenient) return;
    const why = decision.kind === 'ignored' ? decision.reason : `${decision.code}: ${decision.message}`;
    this.fail(`${event.type} was ${decision.kind}: ${why}`);
  }

  /** What became of the event that `act` brought; undefined when it brought none. */
  verdictOn(act: () => unknown): Decision | undefined {
    this.#last = undefined;
    this.#lenient = true;
    try {
      act();
    } finally {
      this.#lenient = false;
    }
    return this.#last;
  }

  spokenOf(): Pick<Out, 'path' | 'direction'> {
    return this.focus ?? this.fail('name a command first: expectsCommand(...)');
  }

  /** The attempt that is spoken of. */
  attempt(): { step: string; direction: Direction; run: number; attempt: number } {
    const { path, direction } = this.spokenOf();
    const attempts = this.saga.steps[path]?.[direction];
    return { step: path, direction, run: attempts?.run ?? 1, attempt: attempts?.attempt ?? 1 };
  }

  out(): Out[] {
    return openAttempts(this.saga)
      .filter(({ attempts }) => attempts.status === 'running')
      .map(({ step: path, direction }) => {
        const { worker, compensation } = this.workflow.step(path);
        return { path, direction, worker: direction === 'undo' ? (compensation ?? worker) : worker };
      });
  }

  outputOf(path: string): unknown {
    return this.#outputs.of(path, this.workflow.step(path));
  }

  /** Lets things go well until it is there; false when it does not come by that. */
  moveUntil(isThere: () => boolean): boolean {
    for (let moves = 0; moves < MOST_MOVES; moves += 1) {
      if (isThere()) return true;
      if (!this.moveOn()) return false;
    }
    return this.fail(`the saga went on and on, for ${MOST_MOVES} answers`);
  }

  /** Throws, and tells what happened instead. */
  fail(message: string): never {
    const out = this.out().map(({ path, direction, worker }) => `${worker} for ${deed(path, direction)}`);
    const now = isFinished(this.saga) ? '' : `\nOut now: ${out.join(', ') || 'nothing'}.`;
    throw new Error(`${message}\n\nWhat happened to ${this.workflow.name}:\n${this.toString()}${now}`);
  }

  /** One thing goes well; false when nothing can go on without being spoken of. */
  private moveOn(): boolean {
    if (isFinished(this.saga)) return false;
    const [command] = this.out();
    if (command) {
      const { path, direction } = command;
      const { run = 1, attempt = 1 } = this.saga.steps[path]?.[direction] ?? {};
      const given = direction === 'forward' && { output: this.outputOf(path) };
      this.apply({ type: 'reply', step: path, direction, run, attempt, outcome: 'succeeded', ...given });
      return true;
    }
    const due = this.plannedAt();
    if (due === undefined || this.saga.paused) return false;
    this.play.pass(due);
    return true;
  }

  /** When something planned comes: no time limit. */
  private plannedAt(): number | undefined {
    const { stalls = [], startAt, state } = this.saga;
    const times = [
      ...openAttempts(this.saga).map(({ attempts }) => attempts.dueAt),
      ...openWaits(this.saga).flatMap(({ kind, until }) => (kind === 'sleep' ? [until] : [])),
      ...stalls.map(({ dueAt }) => dueAt),
      ...(state === 'pending' ? [startAt] : []),
    ].filter((time): time is number => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }
}

/** Those that are meant: by the path of their step, else by their worker, else by the part of the worker's name after the dot. */
export function named<Command extends Pick<Out, 'path' | 'worker'>>(
  commands: readonly Command[],
  name: string,
): Command[] {
  const ways = [
    ({ path }: Command): boolean => path === name,
    ({ worker }: Command): boolean => worker === name,
    ({ worker }: Command): boolean => worker.slice(worker.lastIndexOf('.') + 1) === name,
  ];
  return ways.map((way) => commands.filter(way)).find((found) => found.length > 0) ?? [];
}
