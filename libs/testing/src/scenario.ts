import {
  checkWorkflow,
  interventionsOf,
  isFinished,
  openWaits,
  standingEffects,
  statusOf,
} from '@counterstep/core';
import type {
  FailureMode,
  HistoryRecord,
  InterveneEvent,
  ReplyEvent,
  Saga,
  SagaEvent,
  Workflow,
} from '@counterstep/core';
import type { Direction, JsonObject, SagaState } from '@counterstep/protocol';
import { mismatches, shown } from './mismatch.js';
import { SAGA_ID } from './play.js';
import { ScenarioSaga, named } from './scenario-saga.js';
import type { Out, ScenarioOptions } from './scenario-saga.js';
import { compensationsOf, orderProblem } from './undo-order.js';
import type { UndoOrder } from './undo-order.js';
import { deed, duration } from './words.js';

export interface StartOptions {
  /** Instead of the workflow's own. */
  readonly failureMode?: FailureMode;
  /** Milliseconds that the start is put off. */
  readonly after?: number;
}

export interface FailureOptions {
  readonly message?: string;
  /** Of a failure: whether trying again may help; default true. */
  readonly retryable?: boolean;
}

export interface SuccessOptions {
  readonly undoData?: unknown;
  /** Of an undo: it found nothing to undo. */
  readonly noop?: true;
  /** The effect finished after its undo had begun, so it still stands. */
  readonly late?: true;
}

/**
 * A scenario of this workflow: what happens to one saga, and what is expected of it. Nothing runs but `decide`. Throws
 * `NOT_A_WORKFLOW`.
 */
export function given<Input, Results, Patches>(
  workflow: Workflow<Input, Results, Patches>,
  options: ScenarioOptions = {},
): { started(input: Input, how?: StartOptions): Scenario } {
  checkWorkflow(workflow);
  return {
    started: (input, how = {}) => new Scenario(workflow, options).start(input, how),
  };
}

/**
 * One saga on a clock of its own. What the scenario does not speak of goes well: to come to what is expected, commands
 * that are out are answered `succeeded` and planned times come; but nobody signals, and no time limit passes. An
 * expectation that is not met throws an Error that tells what happened instead.
 */
export class Scenario {
  readonly #at: ScenarioSaga;
  #signals = 0;

  constructor(workflow: Workflow, options: ScenarioOptions) {
    this.#at = new ScenarioSaga(workflow, options);
  }

  /** For what the kit has no word for. */
  get saga(): Saga {
    return this.#at.saga;
  }

  get history(): readonly HistoryRecord[] {
    return this.#at.play.history;
  }

  /** What has happened so far, in words. */
  toString(): string {
    return this.#at.toString();
  }

  /** For `given`. */
  start(input: unknown, { failureMode, after }: StartOptions): this {
    const parsed = this.#at.workflow.inputSchema?.safeParse(input);
    if (parsed && !parsed.success) throw new Error(`the input does not fit: ${parsed.error.message}`);
    const data = JSON.parse(JSON.stringify(parsed ? parsed.data : input)) as JsonObject;
    return this.apply({
      type: 'start',
      sagaId: SAGA_ID,
      input: data,
      ...(failureMode && { failureMode }),
      ...(after !== undefined && { startAt: this.#at.play.now + after }),
    });
  }

  // What workers and time do.

  /** The command that was named last succeeds; `output` is by default as the options say, or a sample. */
  repliesSucceeded(output?: unknown, { undoData, noop, late }: SuccessOptions = {}): this {
    const { path, direction } = this.#at.spokenOf();
    return this.reply('succeeded', {
      ...(direction === 'forward' && { output: output ?? this.#at.outputOf(path) }),
      ...(direction === 'undo' && output !== undefined && { output }),
      ...(undoData !== undefined && { undoData }),
      ...(noop && { noop }),
      ...(late && { late }),
    });
  }

  /** It was refused, and nothing happened. */
  repliesRejected(code: string, { message = code }: Pick<FailureOptions, 'message'> = {}): this {
    return this.reply('rejected', { error: { code, message } });
  }

  /** It tried, and its effect is uncertain. */
  repliesFailed(code: string, { message = code, retryable = true }: FailureOptions = {}): this {
    return this.reply('failed', { error: { code, message, retryable } });
  }

  /** The step that was named last succeeds although it was given up: `late` if the worker says that its undo had begun. */
  repliesLate(output?: unknown, options: SuccessOptions = {}): this {
    this.#at.focus = { path: this.#at.spokenOf().path, direction: 'forward' };
    return this.repliesSucceeded(output, options);
  }

  /** The attempt that is out gets no answer. */
  timesOut(): this {
    return this.runOut({});
  }

  /** The attempt that is out was not even taken from its queue. */
  isNotPickedUp(): this {
    return this.runOut({ notPickedUp: true });
  }

  /** The worker lives, and says what the undo will need. */
  heartbeats(undoData: unknown): this {
    return this.apply({ type: 'heartbeat', ...this.#at.attempt(), undoData });
  }

  /** So much time passes, in milliseconds, and nobody answers: deadlines, retries, sleeps and time limits act. */
  afterDelay(milliseconds: number): this {
    this.#at.play.pass(this.#at.play.now + milliseconds);
    return this;
  }

  // What people and other services do.

  signalled(name: string, data?: unknown, id = `signal-${(this.#signals += 1)}`): this {
    return this.apply({ type: 'signal', id, name, ...(data !== undefined && { data }) });
  }

  cancelled(reason?: string): this {
    return this.apply({ type: 'cancel', ...(reason !== undefined && { reason }) });
  }

  terminated(reason: string): this {
    return this.apply({ type: 'terminate', reason });
  }

  paused(): this {
    return this.apply({ type: 'pause' });
  }

  resumed(): this {
    return this.apply({ type: 'resume' });
  }

  /** A person decides about what waits for one. */
  intervened(verb: InterveneEvent['verb'], more: Omit<InterveneEvent, 'type' | 'verb'> = {}): this {
    return this.apply({ type: 'intervene', verb, ...more });
  }

  // What is expected.

  /** A command to this worker, or for the step at this path, is out; its data has at least the fields of `data`. */
  expectsCommand(name: string, data?: unknown): this {
    return this.expectCommand(name, data, undefined);
  }

  /** As `expectsCommand`, for the undo of a step. */
  expectsUndo(name: string, data?: unknown): this {
    return this.expectCommand(name, data, 'undo');
  }

  /** These commands are out now and no others, in any order; named by worker or path. */
  expectsOnly(...names: string[]): this {
    const out = this.#at.out();
    const missing = names.filter((name) => named(out, name).length === 0);
    const others = out.filter((command) => !names.some((name) => named(out, name).includes(command)));
    if (missing.length > 0) this.#at.fail(`expected a command to ${missing.join(' and ')}, and none is out`);
    if (others.length > 0)
      this.#at.fail(`expected no command to ${others.map(({ worker }) => worker).join(' and ')}`);
    return this;
  }

  /** The step that was named last is to be tried again, after `delay` milliseconds if given; that time passes. */
  expectsRetry(delay?: number): this {
    const { path, direction } = this.#at.spokenOf();
    const attempts = this.saga.steps[path]?.[direction];
    if (attempts?.status !== 'waiting') this.#at.fail(`expected ${deed(path, direction)} to be tried again`);
    const wait = (attempts?.dueAt ?? 0) - this.#at.play.now;
    if (delay !== undefined && wait !== delay)
      this.#at.fail(
        `expected ${deed(path, direction)} to be tried again in ${duration(delay)}, not ${duration(wait)}`,
      );
    this.#at.play.pass(this.#at.play.now + wait);
    return this;
  }

  /** The saga waits for this signal. */
  expectsWaitFor(signal: string): this {
    const waits = (): string[] => openWaits(this.saga).map((wait) => wait.signal ?? '');
    if (!this.#at.moveUntil(() => waits().includes(signal)))
      this.#at.fail(`expected the saga to wait for signal ${signal}`);
    return this;
  }

  /** The saga ends completed. */
  expectsCompleted(): this {
    return this.expectEnd('completed');
  }

  /** The saga ends compensated, having undone these in this order: see `UndoOrder`. */
  expectsCompensated(order?: UndoOrder): this {
    return this.expectEnd('compensated').checkOrder(order);
  }

  /** The saga ends cancelled, having undone these in this order: see `UndoOrder`. */
  expectsCancelled(order?: UndoOrder): this {
    return this.expectEnd('cancelled').checkOrder(order);
  }

  /** The saga ends failed: a person gave it up, or terminated it. */
  expectsFailed(): this {
    return this.expectEnd('failed');
  }

  /** The saga is in this state now. */
  expectsState(state: SagaState): this {
    if (this.saga.state !== state)
      this.#at.fail(`expected the saga to be ${state}; it is ${this.saga.state}`);
    return this;
  }

  /** A person is asked, with this code; about that step, if it is named. */
  expectsAttention(code: string, step?: string): this {
    const isAsked = (): boolean =>
      this.saga.attention.some((item) => item.code === code && (step === undefined || item.step === step));
    if (!this.#at.moveUntil(isAsked))
      this.#at.fail(`expected a person to be asked, ${code}${step === undefined ? '' : ` at ${step}`}`);
    return this;
  }

  /** What a person may do about the item of this step, in any order. */
  expectsVerbs(step: string, verbs: readonly InterveneEvent['verb'][]): this {
    const item = interventionsOf(this.saga, this.#at.workflow).find((each) => each.step === step);
    const found = mismatches([...verbs].sort(), [...(item?.verbs ?? [])].sort());
    if (found.length > 0)
      this.#at.fail(
        `expected ${step} to allow ${verbs.join(', ')}; it allows ${item?.verbs.join(', ') ?? 'nothing'}`,
      );
    return this;
  }

  /** What went wrong first has this code. */
  expectsCause(code: string): this {
    const { cause } = this.saga;
    if (cause?.code !== code)
      this.#at.fail(`expected the cause ${code}; it is ${cause?.code ?? 'that nothing went wrong'}`);
    return this;
  }

  /** The step has given a result with at least these fields. */
  expectsResult(step: string, result: unknown): this {
    const { stepResults } = statusOf(this.saga, this.#at.workflow);
    const found = Object.hasOwn(stepResults, step) ? mismatches(result, stepResults[step]) : ['it has none'];
    if (found.length > 0) this.#at.fail(`expected another result of ${step}:\n  ${found.join('\n  ')}`);
    return this;
  }

  /** The step was passed over. */
  expectsSkipped(step: string): this {
    const progress = this.saga.steps[step];
    if (progress?.taken !== false && !progress?.skipped) this.#at.fail(`expected ${step} to be passed over`);
    return this;
  }

  /** The effects that may stand, in the order of their steps. */
  expectsStanding(steps: readonly string[]): this {
    const standing = standingEffects(this.saga, this.#at.workflow);
    if (mismatches(steps, standing).length > 0)
      this.#at.fail(`expected the effects of ${shown(steps)} to stand; it is those of ${shown(standing)}`);
    return this;
  }

  /** What `act` asks for is refused with this code, and changes nothing. */
  expectsRefusal(code: string, act: (scenario: this) => unknown): this {
    const decision = this.#at.verdictOn(() => act(this));
    const got = decision?.kind === 'refused' ? decision.code : `it ${decision?.kind ?? 'did nothing'}`;
    if (got !== code) this.#at.fail(`expected the refusal ${code}; got ${got}`);
    return this;
  }

  /** What `act` brings is ignored: late, a duplicate, or foreign. */
  expectsIgnored(act: (scenario: this) => unknown): this {
    const decision = this.#at.verdictOn(() => act(this));
    if (decision?.kind !== 'ignored')
      this.#at.fail(`expected it to be ignored; it was ${decision?.kind ?? 'nothing'}`);
    return this;
  }

  private expectCommand(name: string, data: unknown, direction: Direction | undefined): this {
    const found = (): Out[] =>
      named(
        this.#at.out().filter((command) => direction === undefined || command.direction === direction),
        name,
      );
    this.#at.moveUntil(() => found().length > 0);
    const [command, ...others] = found();
    const what = direction === 'undo' ? `the undo of ${name}` : `a command to ${name}`;
    if (!command) return this.#at.fail(`expected ${what}, and none was sent`);
    if (others.length > 0)
      return this.#at.fail(
        `${name} could be ${[command, ...others].map(({ path }) => path).join(' or ')}: name the step`,
      );
    this.#at.focus = command;
    const sent = this.#at.play.sent.findLast(
      ({ step, direction: way }) => step === command.path && way === command.direction,
    );
    const problems = data === undefined ? [] : mismatches(data, sent?.data, 'data');
    if (problems.length > 0) this.#at.fail(`expected other data for ${name}:\n  ${problems.join('\n  ')}`);
    return this;
  }

  private expectEnd(state: SagaState): this {
    this.#at.moveUntil(() => isFinished(this.saga));
    return this.expectsState(state);
  }

  private checkOrder(order: UndoOrder | undefined): this {
    if (order === undefined) return this;
    const problem = orderProblem(order, compensationsOf(this.history), this.#at.workflow);
    if (problem !== undefined) this.#at.fail(problem);
    return this;
  }

  private reply(outcome: ReplyEvent['outcome'], more: Partial<ReplyEvent>): this {
    return this.apply({ type: 'reply', ...this.#at.attempt(), outcome, ...more });
  }

  private runOut(more: { notPickedUp?: true }): this {
    const { path, direction } = this.#at.spokenOf();
    const { status, dueAt = this.#at.play.now } = this.saga.steps[path]?.[direction] ?? {};
    if (status !== 'running')
      return this.#at.fail(`${deed(path, direction)} is not out, so it cannot time out`);
    // What is due before happens before.
    this.#at.play.pass(dueAt - 1);
    this.#at.play.now = Math.max(this.#at.play.now, dueAt);
    return this.apply({ type: 'deadline', ...this.#at.attempt(), ...more });
  }

  private apply(event: SagaEvent): this {
    this.#at.apply(event);
    return this;
  }
}
