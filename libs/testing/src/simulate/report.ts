import type { BarrierMode, SagaState } from '@counterstep/protocol';
import { deed } from '../words.js';
import type { Finding, ProblemCode } from './checks.js';
import { rankOf } from './faults.js';
import { planInWords } from './plan.js';
import type { Plan } from './plan.js';
import { generalPath } from './reach.js';
import { tableOf } from './table.js';
import type { World } from './world.js';

/** One saga that was simulated to its end. */
export interface SimulatedRun {
  /** What went wrong in it, in words. */
  readonly fault: string;
  /** The barrier mode of steps that name none. */
  readonly barrier: BarrierMode;
  /** How the saga ended; `pending` or `running` when it did not. */
  readonly state: SagaState;
  /** What a person was asked, by code, in that order. */
  readonly asked: readonly string[];
  /** What it showed to be wrong. */
  readonly found: readonly ProblemCode[];
}

/** Something that is wrong, as the run shows it in which the least goes wrong. */
export interface SimulationProblem extends Finding {
  /** What went wrong in that run. */
  readonly fault: string;
  /** In how many runs it was found. The others differ in what goes wrong. */
  readonly runs: number;
  /** What happened in that run, in words; empty where no run comes there. */
  readonly history: readonly string[];
}

/** A problem that is known and accepted; without `step`, wherever it is. Of the items of a map, `step` is `reserve/*`. */
export interface AcceptedProblem {
  readonly code: ProblemCode;
  readonly step?: string;
}

/** What `simulateAll` found. `String(report)` tells all of it for people. */
export class SimulationReport {
  readonly #topics: { readonly about: string; readonly run: SimulatedRun }[] = [];
  readonly #found = new Map<string, { finding: Finding; world?: World; runs: number }>();

  constructor(readonly workflow: string) {}

  /** Every saga that was simulated, in that order. */
  get runs(): readonly SimulatedRun[] {
    return this.#topics.map(({ run }) => run);
  }

  /** Each found once, by its code and step. */
  get problems(): SimulationProblem[] {
    return [...this.#found.values()].map(problemOf);
  }

  /** How many runs ended in each state. */
  get ends(): Partial<Record<SagaState, number>> {
    const ends: Partial<Record<SagaState, number>> = {};
    for (const { state } of this.runs) ends[state] = (ends[state] ?? 0) + 1;
    return ends;
  }

  /**
   * Throws an Error that tells the problems, each with the run that shows it, when there are any but those of `except`;
   * also when one of `except` is not there, as an exception that nobody needs hides the next problem.
   */
  assertClean({ except = [] }: { readonly except?: readonly AcceptedProblem[] } = {}): void {
    const { problems } = this;
    const left = problems.filter((problem) => !except.some((one) => isMeant(one, problem)));
    const stale = except.filter((one) => !problems.some((problem) => isMeant(one, problem)));
    if (left.length === 0 && stale.length === 0) return;
    const unneeded = stale.map(
      ({ code, step }) => `${code}${step === undefined ? '' : ` of ${step}`} was not found: do not except it`,
    );
    throw new Error([...this.lines(left), ...unneeded].join('\n'));
  }

  toString(): string {
    return this.lines(this.problems).join('\n');
  }

  /** For `simulateAll`. */
  add(world: World, findings: readonly Finding[]): void {
    const { saga, plan, setting } = world;
    const run: SimulatedRun = {
      fault: planInWords(plan, setting.assumptions),
      barrier: setting.barrier,
      state: saga.state,
      asked: world.play.history.flatMap(({ facts }) =>
        facts.flatMap((fact) => (fact.type === 'attention' ? [fact.code] : [])),
      ),
      found: findings.map(({ code }) => code),
    };
    this.#topics.push({ about: topicOf(plan), run });
    for (const finding of findings) this.find(finding, world);
  }

  /** For `simulateAll`: without a world, what no run shows. */
  find(finding: Finding, world?: World): void {
    // What is wrong with one item of a map is wrong with all.
    const step = finding.step === undefined ? {} : { step: generalPath(finding.step) };
    const key = `${finding.code} ${step.step ?? ''}`;
    const known = this.#found.get(key);
    const isBetter = !known?.world || (world !== undefined && weight(world) < weight(known.world));
    const shown = isBetter ? { finding: { ...finding, ...step }, ...(world && { world }) } : known;
    this.#found.set(key, { ...shown, runs: (known?.runs ?? 0) + (world ? 1 : 0) });
  }

  private lines(problems: readonly SimulationProblem[]): string[] {
    const count = problems.length === 1 ? '1 problem' : `${problems.length || 'no'} problems`;
    return [
      `${this.workflow}: ${count} in ${this.runs.length} simulated sagas`,
      '',
      ...tableOf(this.#topics),
      ...problems.flatMap(inWords),
    ];
  }
}

function isMeant({ code, step }: AcceptedProblem, problem: Finding): boolean {
  return code === problem.code && (step === undefined || step === problem.step);
}

/** What is easier to understand weighs less: one thing before two, the plain before the odd, few happenings before many. */
function weight({ plan, setting, length }: World): number {
  const { faults, cancel, person } = plan;
  const things = faults.length + (cancel ? 2 : 0) + (person ? 1 : 0) + setting.assumptions.length;
  const rank = Math.max(0, ...faults.map(({ fault }) => rankOf(fault)));
  return (things * 100 + rank) * 100_000 + length;
}

/** What the run is about, for a table. */
function topicOf({ faults, signals = {}, cancel }: Plan): string {
  const undone = faults.findLast(({ direction }) => direction === 'undo');
  const about = undone ?? faults.at(-1);
  if (about) return deed(about.path, about.direction);
  const [signal] = Object.keys(signals);
  if (signal !== undefined) return `the signal of ${signal}`;
  if (!cancel) return 'nothing';
  return cancel.isOverdue ? 'the saga, out of time' : 'the saga, cancelled';
}

function problemOf({
  finding,
  world,
  runs,
}: {
  finding: Finding;
  world?: World;
  runs: number;
}): SimulationProblem {
  if (!world) return { ...finding, fault: 'nothing goes wrong', runs, history: [] };
  const { plan, setting } = world;
  return { ...finding, fault: planInWords(plan, setting.assumptions), runs, history: world.tell() };
}

function inWords({ code, sentence, mend, fault, runs, history }: SimulationProblem): string[] {
  const shown = runs === 1 ? 'seen in 1 saga' : `seen in ${runs} sagas, most simply`;
  return [
    '',
    `${code}: ${sentence}`,
    `  mend: ${mend}`,
    ...(history.length > 0 ? [`  ${shown} when ${fault}:`] : []),
    ...history.map((line) => `  ${line}`),
  ];
}
