import type { Direction, ErrorFacts } from '@counterstep/protocol';
import { storableText } from '@counterstep/protocol';
import { reasonOf } from './errors.js';
import { Draft } from './draft.js';
import { apply } from './evolve.js';
import { FORWARD_RETRY, retryDelay } from './retry.js';
import type { Attempts, Fact, HistoryRecord, Saga, StepProgress } from './saga.js';
import type { Moment } from './events.js';
import type { Step, Workflow } from './workflow.js';

/** The facts of one decision as they come to be, and the saga that they have made so far. */
export class Transition {
  readonly facts: Fact[] = [];
  /** Made by the first fact: most of what is ignored has none. */
  private draft: Draft | undefined;

  constructor(
    readonly workflow: Workflow,
    private readonly before: Saga | undefined,
    private readonly sagaId: string,
    readonly moment: Moment,
  ) {}

  /** From the first fact on, one object that moves on with each; its steps do not change but are replaced. */
  get saga(): Saga {
    const saga = this.draft?.saga ?? this.before;
    if (!saga) throw new Error('a transition begins with a saga or a start');
    return saga;
  }

  add(fact: Fact): void {
    this.draft ??= new Draft(this.sagaId, this.before);
    apply(this.draft, fact, this.moment.now);
    this.facts.push(fact);
  }

  /** The record of all facts, and the saga after it. Nothing is added any more. */
  concluded(event: string): { saga: Saga; record: HistoryRecord } {
    const seq = (this.before?.version ?? 0) + 1;
    const { now } = this.moment;
    const draft = this.draft ?? new Draft(this.sagaId, this.before);
    return { saga: draft.done(seq, now), record: { seq, at: now, event, facts: this.facts.slice() } };
  }

  /** The step's progress; undefined before it was entered. */
  progress(path: string): StepProgress | undefined {
    return this.saga.steps[path];
  }

  /** Sends a command: the first of a run, or the next attempt of it. */
  send(path: string, direction: Direction, run: number, attempt: number, input?: { value: unknown }): void {
    const step = this.workflow.step(path);
    const former = this.progress(path)?.[direction];
    const left = former?.run === run ? this.timeLeft(step, direction, former) : step.stepTimeout;
    const most = direction === 'forward' && left !== undefined ? left : Infinity;
    const timeout = Math.max(1, Math.min(step.attemptTimeout, most));
    const type = 'command';
    if (input) this.add({ type, step: path, direction, run, attempt, timeout, input: input.value });
    else this.add({ type, step: path, direction, run, attempt, timeout });
  }

  /** Milliseconds that the step's own deadline leaves; undefined when it has none. Undo has none. */
  timeLeft(step: Step, direction: Direction, attempts: Attempts): number | undefined {
    if (direction === 'undo' || step.stepTimeout === undefined) return undefined;
    return step.stepTimeout - (this.moment.now - attempts.firstSentAt);
  }

  /** After an attempt that failed or got no answer: plans the next one if the policy and the saga's course allow it. */
  retryOrGiveUp(path: string, direction: Direction, retryable: boolean): void {
    const step = this.workflow.step(path);
    const attempts = this.attempts(path, direction);
    const isUnwanted = direction === 'forward' && (this.saga.direction === 'undo' || this.isLost(path));
    const delay = retryable && !isUnwanted ? this.delay(step, direction, attempts) : undefined;
    if (delay !== undefined) {
      this.add({ type: 'retryPlanned', step: path, direction, delay });
      return;
    }
    this.add({ type: 'gaveUp', step: path, direction });
    if (direction === 'undo') {
      const { outcome = 'unknown', attempt, error } = attempts;
      const tries = attempt === 1 ? '1 attempt' : `${attempt} attempts`;
      const message = `${step.compensation ?? path} ended ${outcome} after ${tries}: ${error?.message ?? 'no reason given'}`;
      this.askPerson('COMPENSATION_FAILED', message, path, direction);
    }
  }

  /** Opens an item of the intervention inbox. */
  askPerson(code: string, message: string, step: string, direction: Direction): void {
    this.add({ type: 'attention', code, message: storableText(message, 1_000), step, direction });
  }

  /** A function of the definition threw: it is called again later, and when that does not help, a person is asked. */
  stall(path: string, thrown: unknown): void {
    const tries = (this.stallOf(path)?.tries ?? 0) + 1;
    const delay = retryDelay(FORWARD_RETRY, tries, this.moment.random, 0);
    const text = `the definition's code for ${path} failed: ${reasonOf(thrown)}`;
    const error = { code: 'DEFINITION_ERROR', message: storableText(text, 1_000) };
    this.add({ type: 'stalled', step: path, tries, error, ...(delay !== undefined && { delay }) });
    if (delay === undefined) this.askPerson(error.code, error.message, path, 'forward');
  }

  /** Whether the definition's code for the step has failed and must not be called yet. */
  isStalled(path: string): boolean {
    const stall = this.stallOf(path);
    return stall !== undefined && (stall.dueAt === undefined || stall.dueAt > this.moment.now);
  }

  /** Whether the step belongs to something that the saga goes on without. */
  isLost(path: string): boolean {
    if (this.progress(path)?.lost) return true;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1))
      if (this.progress(path.slice(0, end))?.lost) return true;
    return false;
  }

  attempts(path: string, direction: Direction): Attempts {
    const attempts = this.progress(path)?.[direction];
    if (!attempts) throw new Error(`step ${path} has no ${direction} attempt`);
    return attempts;
  }

  /** The words for a step's failure. */
  failureOf(path: string): ErrorFacts {
    const progress = this.progress(path);
    return (
      progress?.forward?.error ??
      progress?.error ?? { code: 'UNKNOWN', message: `step ${path} failed and gave no reason` }
    );
  }

  private stallOf(path: string): { tries: number; dueAt?: number } | undefined {
    return this.saga.stalls?.find(({ step }) => step === path);
  }

  private delay(step: Step, direction: Direction, attempts: Attempts): number | undefined {
    const policy = direction === 'forward' ? step.retry : step.undoRetry;
    if (policy.nonRetryableCodes?.includes(attempts.error?.code ?? '')) return undefined;
    const elapsed = this.moment.now - attempts.firstSentAt;
    const made = attempts.attempt - (attempts.spent ?? 0);
    const delay = retryDelay(policy, made, this.moment.random, elapsed);
    const left = this.timeLeft(step, direction, attempts);
    return delay !== undefined && left !== undefined && delay >= left ? undefined : delay;
  }
}
