import { dueAt, isFinished, isLive, openWaits } from '@counterstep/core';
import type {
  CommandEffect,
  Decision,
  Fact,
  Saga,
  SagaEvent,
  SignalWait,
  Step,
  Workflow,
} from '@counterstep/core';
import { effectKeyOf } from '@counterstep/protocol';
import type { BarrierMode, JsonObject } from '@counterstep/protocol';
import type { Answer } from '@counterstep/worker';
import type { Outputs } from '../outputs.js';
import { BEGIN, Play, SAGA_ID } from '../play.js';
import { factsInWords, timed } from '../words.js';
import { Agenda } from './agenda.js';
import type { Behaviour, Moment } from './faults.js';
import { Ledger } from './ledger.js';
import { personDecides } from './person.js';
import { behaviourOf } from './plan.js';
import type { Plan } from './plan.js';
import type { Rules } from './rules.js';
import { SimulatedWorkers } from './worker.js';
import type { Order, Surroundings } from './worker.js';

/** What is simulated, whatever goes wrong. */
export interface Setting {
  readonly workflow: Workflow;
  readonly input: JsonObject;
  readonly outputs: Outputs;
  /** Of steps that name none. */
  readonly barrier: BarrierMode;
  /** What is otherwise than by default, in words. */
  readonly assumptions: readonly string[];
  readonly rules: Rules;
}

/** A saga that still goes on after so many things does so for ever. */
const MOST_HAPPENINGS = 20_000;
const SIGNAL_AFTER = 1_000;

/** One run: the orchestrator's `decide`, a bus, workers and a person, on one clock, while the plan goes wrong. */
export class World implements Surroundings {
  readonly play: Play;
  readonly ledger = new Ledger();
  /** Whether a person had to decide something. */
  personsActs = 0;
  /** The saga waited for nothing and nobody. */
  hung: string | undefined;
  /** The first undo of each step, by its path, that ran without the output that it needs. */
  readonly helplessUndos = new Map<string, Order>();
  readonly #log: { readonly at: number; readonly words: string | readonly Fact[] }[] = [];
  readonly #agenda = new Agenda();
  readonly #workers: SimulatedWorkers;
  readonly #waits = new Set<string>();
  #held: { readonly moment: Moment; readonly path: string; readonly run: () => void }[] = [];
  #isCancelled = false;

  constructor(
    readonly setting: Setting,
    readonly plan: Plan,
  ) {
    this.play = new Play(setting.workflow, 0.5, setting.rules.decide);
    this.#workers = new SimulatedWorkers(this, setting.rules);
  }

  get saga(): Saga {
    return this.play.saga;
  }

  /** Lets everything happen, until nothing is left to happen. */
  run(): this {
    const { input } = this.setting;
    this.apply({ type: 'start', sagaId: SAGA_ID, input });
    for (const [path, fault] of Object.entries(this.plan.signals ?? {}))
      if (fault === 'early') this.signal(path, 'early');
    for (let happenings = 0; happenings < MOST_HAPPENINGS; happenings += 1) {
      if (!this.happen()) {
        if (!isFinished(this.saga)) this.hung ??= 'nothing moves it any more';
        return this;
      }
    }
    this.hung = `it goes on and on, for ${MOST_HAPPENINGS} events`;
    return this;
  }

  apply(event: SagaEvent): Decision {
    const decision = this.play.decide(event);
    if (decision.kind !== 'applied') return decision;
    this.#log.push({ at: this.play.now, words: decision.record.facts });
    if (!isLive(decision.saga)) this.hung ??= 'it waits for nothing and nobody';
    for (const command of decision.effects.commands) this.send(command);
    this.release(({ moment, path }) => isThere(decision.saga, moment, path));
    this.answerWaits();
    this.cancelAsPlanned();
    return decision;
  }

  after(milliseconds: number, run: () => void): void {
    this.#agenda.add(this.play.now + milliseconds, run);
  }

  when(moment: Moment, path: string, run: () => void): void {
    if (isThere(this.saga, moment, path)) this.after(1, run);
    else this.#held.push({ moment, path, run });
  }

  say(words: string): void {
    this.#log.push({ at: this.play.now, words });
  }

  helpless(order: Order): void {
    const { step } = order;
    this.helplessUndos.set(step, this.helplessUndos.get(step) ?? order);
  }

  reply(order: Order, answer: Answer, behaviour: Behaviour): void {
    const { step, direction, run, attempt } = order;
    const facts =
      answer.outcome === 'failed'
        ? { outcome: answer.outcome, error: { ...answer.error, retryable: answer.retryable } }
        : answer;
    const event: SagaEvent = { type: 'reply', step, direction, run, attempt, ...facts };
    const arrive = (): void => {
      const decision = this.apply(event);
      if (decision.kind !== 'applied')
        this.say(`    a reply of ${step} is ${decision.kind}: ${reasonOf(decision)}`);
    };
    const { reply, replyAgain } = behaviour;
    if (reply === 'never') this.say(`    the reply of ${order.worker} is lost`);
    else if (reply === 'twice' || reply === undefined) this.after(1, arrive);
    else this.when(reply, step, arrive);
    if (reply === 'twice') this.after(5, arrive);
    if (replyAgain) this.when(replyAgain, step, arrive);
  }

  /** How much happened. */
  get length(): number {
    return this.#log.length;
  }

  /** What happened, in words. */
  tell(): string[] {
    return this.#log.flatMap(({ at, words }) =>
      (typeof words === 'string' ? [words] : factsInWords(this.setting.workflow, words)).map((line) =>
        timed(at - BEGIN, line),
      ),
    );
  }

  modeOf(step: Step): BarrierMode {
    return step.barrier ?? this.setting.barrier;
  }

  private happen(): boolean {
    const { next } = this.#agenda;
    // Whoever is asked decides before the saga's own time is over.
    const { deadline: _, ...patient } = this.saga;
    const due = dueAt(this.saga.attention.length > 0 ? patient : this.saga);
    if (next !== undefined && (due === undefined || next <= due)) {
      this.play.now = Math.max(this.play.now, next);
      this.#agenda.take()?.run();
      return true;
    }
    if (due !== undefined) {
      this.play.now = Math.max(this.play.now, due);
      const decisions = this.play.dueEvents().map((event) => this.apply(event));
      if (decisions.some(({ kind }) => kind === 'applied')) return true;
      this.hung ??= 'what was due did nothing';
      return false;
    }
    if (personDecides(this)) return true;
    if (this.#held.length === 0) return false;
    this.release(() => true);
    return true;
  }

  private send(command: CommandEffect): void {
    const { step, direction, attempt } = command;
    const definition = this.setting.workflow.step(step);
    const policy = direction === 'undo' ? definition.undoRetry : definition.retry;
    const behaviour = behaviourOf(this.plan, command, policy.maxRetries + 1);
    const order = this.orderOf(command, definition);
    const { taken, again } = behaviour;
    const take = (): void => this.#workers.take(order, behaviour);
    const takeAgain = (): void => this.#workers.take(order, {});
    if (taken === 'never') this.say(`    ${command.worker}: nobody takes attempt ${attempt}`);
    else if (taken) this.when(taken, step, take);
    else this.after(1, take);
    if (again === 'after') this.after(10, takeAgain);
    else if (again === 'beside') this.after(1, takeAgain);
    else if (again) this.when(again, step, takeAgain);
  }

  /** As the engine makes it of the decision. */
  private orderOf({ step, direction, run, attempt, worker }: CommandEffect, definition: Step): Order {
    const { forward, output } = this.saga.steps[step] ?? {};
    const isUndo = direction === 'undo';
    return {
      mode: this.modeOf(definition),
      sagaId: SAGA_ID,
      step,
      run,
      attempt,
      direction,
      effectKey: effectKeyOf(SAGA_ID, step, run, direction),
      ...(isUndo &&
        forward && {
          forwardKey: effectKeyOf(SAGA_ID, step, forward.run, 'forward'),
          forwardOutcome: forward.outcome ?? 'unknown',
        }),
      worker,
      output: isUndo ? undefined : this.setting.outputs.of(step, definition),
      ...(isUndo && definition.undoNeedsOutput && output === undefined && { isHelpless: true as const }),
    };
  }

  private release(isDue: (held: { moment: Moment; path: string }) => boolean): void {
    const due = this.#held.filter(isDue);
    this.#held = this.#held.filter((held) => !due.includes(held));
    for (const { run } of due) this.after(0, run);
  }

  private answerWaits(): void {
    if (this.saga.direction === 'undo') return;
    for (const { path, kind, until } of openWaits(this.saga)) {
      const wait = `${path} ${until}`;
      if (kind !== 'signal' || this.#waits.has(wait)) continue;
      // A fault is for the first time that it is waited for; a person may wait anew.
      const isFirst = ![...this.#waits].some((known) => known.startsWith(`${path} `));
      this.#waits.add(wait);
      const fault = isFirst ? this.plan.signals?.[path] : undefined;
      if (fault === 'timesOut' || fault === 'early') continue;
      this.after(SIGNAL_AFTER, () => this.signal(path, wait, fault === 'rejects'));
      if (fault === 'twice') this.after(SIGNAL_AFTER + 1, () => this.signal(path, wait));
    }
  }

  private signal(path: string, id: string, isRejection = false): void {
    const wait = this.setting.workflow.member(path) as SignalWait;
    const data = this.setting.outputs.ofSignal(path, wait);
    const said = isRejection ? { ...(data as object), approved: false } : data;
    const event = {
      type: 'signal',
      id,
      name: wait.signal,
      ...(said !== undefined && { data: said }),
    } as const;
    const decision = this.apply(event);
    if (decision.kind === 'refused' && this.saga.direction === 'forward' && !isFinished(this.saga))
      this.say(`signal ${wait.signal} is refused: ${decision.message}`);
  }

  private cancelAsPlanned(): void {
    const { cancel } = this.plan;
    if (!cancel || this.#isCancelled || isFinished(this.saga)) return;
    const isTime =
      'after' in cancel
        ? this.play.history.length === cancel.after
        : this.saga.steps[cancel.whenDone]?.forward?.outcome === 'succeeded';
    if (!isTime) return;
    this.#isCancelled = true;
    if (cancel.isOverdue) {
      this.play.now = Math.max(this.play.now, this.saga.deadline ?? 0);
      this.apply({ type: 'timer' });
    } else this.apply({ type: 'cancel' });
  }
}

function isThere({ steps, state }: Saga, moment: Moment, path: string): boolean {
  const undo = steps[path]?.undo;
  if (moment === 'sagaEnded') return isFinished({ state });
  return moment === 'undoSent' ? undo !== undefined : undo?.status === 'ended';
}

function reasonOf(decision: Exclude<Decision, { kind: 'applied' }>): string {
  return decision.kind === 'ignored' ? decision.reason : decision.message;
}
