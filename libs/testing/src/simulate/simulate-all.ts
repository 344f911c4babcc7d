import { checkWorkflow } from '@counterstep/core';
import type { Workflow } from '@counterstep/core';
import type { BarrierMode, JsonObject } from '@counterstep/protocol';
import { Outputs } from '../outputs.js';
import { sampleOf } from '../samples.js';
import { findingsOf } from './checks.js';
import type { Finding } from './checks.js';
import { conditionalsOf, withAnswer } from './conditions.js';
import { NOTHING_WRONG } from './plan.js';
import { pairsOf, plansFor } from './plans.js';
import { Reach, generalPath } from './reach.js';
import { SimulationReport } from './report.js';
import { OUR_RULES } from './rules.js';
import type { Rules } from './rules.js';
import { World } from './world.js';
import type { Setting } from './world.js';

export interface SimulateOptions {
  /**
   * What sagas are started with, each in turn; by default one sample of the workflow's input schema. Short lists will do:
   * the saga is cancelled after each of its transitions, and the first three items of a map stand for all.
   */
  readonly inputs?: readonly unknown[];
  /** What steps and signals give, by path (`reserve/*` for the items of a map) or name; by default a sample of their schema. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** The barrier of steps that name none; by default all is simulated with `transaction`, and again with `external`. */
  readonly barrier?: BarrierMode;
  /** Two things go wrong in one saga, in every combination: tens of thousands of sagas. Default false. */
  readonly pairs?: boolean;
}

/**
 * Lets everything go wrong with a workflow, one thing in each saga: every step is rejected, fails, gets no answer, dies with
 * its worker, succeeds too late, is delivered twice, forward and in its undo; signals do not come; the saga is cancelled
 * after every transition. The real `decide` and the rules of the real barrier run on a virtual clock, without I/O: the same
 * workflow gives the same report, some thousand sagas in a second. What is wrong with the workflow is in the report; throws
 * only an Error when no sample of an input or output can be made, a ZodError when one of `inputs` does not fit, and
 * `NOT_A_WORKFLOW`.
 */
export function simulateAll<Input, Results, Patches>(
  workflow: Workflow<Input, Results, Patches>,
  options: SimulateOptions = {},
): SimulationReport {
  checkWorkflow(workflow);
  return new Simulation(workflow, options).run();
}

/** All of one workflow, by rules that are ours unless they are under test. */
export class Simulation {
  readonly #report: SimulationReport;
  readonly #reach: Reach;
  readonly #outputs: Outputs;
  #isWell = true;

  constructor(
    private readonly workflow: Workflow,
    private readonly options: SimulateOptions,
    private readonly rules: Rules = OUR_RULES,
  ) {
    this.#report = new SimulationReport(workflow.name);
    this.#reach = new Reach(workflow);
    this.#outputs = new Outputs(options.outputs);
  }

  run(): SimulationReport {
    const { workflow } = this;
    const inputs = this.inputs();
    const barriers = this.barriers();
    for (const [index, input] of inputs.entries())
      for (const barrier of barriers) {
        const assumptions = [
          ...(inputs.length > 1 ? [`input ${index + 1}`] : []),
          ...(barriers.length > 1 && barrier === 'external' ? ["barrier 'external'"] : []),
        ];
        const { rules } = this;
        this.everything({ workflow, input, outputs: this.#outputs, barrier, assumptions, rules });
      }
    // Where a saga fails of itself, that is what there is to say.
    if (this.#isWell) for (const finding of this.#reach.findings()) this.#report.find(finding);
    return this.#report;
  }

  private everything(setting: Setting): void {
    const well = new World(setting, NOTHING_WRONG).run();
    const findings = findingsOf(well);
    this.#reach.saw(well);
    const all = findings.length > 0 ? findings : completes(well);
    this.#report.add(well, all);
    if (all.length > 0) this.#isWell = false;
    if (findings.length > 0) return;
    this.faults(setting, well);
    for (const path of conditionalsOf(setting.workflow)) {
      const answers = Object.values(well.saga.steps)
        .filter((step) => generalPath(step.path) === path)
        .map(({ taken }) => taken);
      for (const answer of [true, false])
        if (!answers.includes(answer)) this.otherwise(setting, path, answer);
    }
  }

  /** The same with the other answer of a condition. Where the definition's functions fail then, the input did not mean it. */
  private otherwise(setting: Setting, path: string, answer: boolean): void {
    const other = {
      ...setting,
      workflow: withAnswer(setting.workflow, path, answer),
      assumptions: [...setting.assumptions, `the condition of ${path} ${String(answer)}`],
    };
    const well = new World(other, NOTHING_WRONG).run();
    const findings = findingsOf(well);
    const mistake = findings.find(({ code }) => code === 'DEFINITION_ERROR');
    if (mistake) {
      if (answer) this.#reach.failed(path, mistake);
      return;
    }
    this.#reach.saw(well);
    this.#report.add(well, findings);
    if (findings.length === 0) this.faults(other, well);
  }

  private faults(setting: Setting, well: World): void {
    const plans = plansFor(setting, well);
    for (const plan of this.options.pairs ? [...plans, ...pairsOf(plans)] : plans) {
      const world = new World(setting, plan).run();
      this.#reach.saw(world);
      this.#report.add(world, findingsOf(world));
    }
  }

  private inputs(): JsonObject[] {
    const { inputSchema, name } = this.workflow;
    const inputs = this.options.inputs ?? [inputSchema ? sampleOf(inputSchema, `the input of ${name}`) : {}];
    return inputs.map((input) => {
      const parsed = inputSchema ? inputSchema.parse(input) : input;
      return JSON.parse(JSON.stringify(parsed)) as JsonObject;
    });
  }

  private barriers(): readonly BarrierMode[] {
    if (this.options.barrier) return [this.options.barrier];
    const isOpen = this.workflow.allSteps().some(({ barrier }) => barrier === undefined);
    return isOpen ? ['transaction', 'external'] : ['transaction'];
  }
}

function completes(well: World): Finding[] {
  const { state, cause } = well.saga;
  if (state === 'completed') return [];
  const why = cause ? `${cause.code}: ${cause.message}` : 'for no reason';
  return [
    {
      code: 'DOES_NOT_COMPLETE',
      ...(cause?.step !== undefined && { step: cause.step }),
      sentence: `the saga ends ${state} though nothing goes wrong: ${why}`,
      mend: 'give `inputs` and `outputs` with which it completes',
    },
  ];
}
