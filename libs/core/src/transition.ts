import type { Direction } from '@counterstep/protocol';
import { apply } from './evolve.js';
import { retryDelay } from './retry.js';
import type { Attempts, Fact, Saga, StepProgress } from './saga.js';
import type { Moment } from './events.js';
import type { Step, Workflow } from './workflow.js';

/** The facts of one decision as they come to be, and the saga that they have made so far. */
export class Transition {
  readonly facts: Fact[] = [];

  constructor(
    readonly workflow: Workflow,
    private current: Saga | undefined,
    private readonly sagaId: string,
    readonly moment: Moment,
  ) {}

  get saga(): Saga {
    if (!this.current) throw new Error('a transition begins with a saga or a start');
    return this.current;
  }

  add(fact: Fact): void {
    this.current = apply(this.current, this.sagaId, fact, this.moment.now);
    this.facts.push(fact);
  }

  /** The step's progress; undefined before it was entered. */
  progress(step: string): StepProgress | undefined {
    return this.saga.steps[step];
  }

  /** Sends a command: the first of a run, or the next attempt of it. */
  send(step: Step, direction: Direction, run: number, attempt: number, input?: { value: unknown }): void {
    const former = this.progress(step.name)?.[direction];
    const spent = former && former.run === run ? this.moment.now - former.firstSentAt : 0;
    const left =
      direction === 'forward' && step.stepTimeout !== undefined ? step.stepTimeout - spent : Infinity;
    this.add({
      type: 'command',
      step: step.name,
      direction,
      run,
      attempt,
      timeout: Math.max(1, Math.min(step.attemptTimeout, left)),
      ...(input && { input: input.value }),
    });
  }

  /** Whether the step's time ran out while its next attempt waited. */
  isSpent(step: string, direction: Direction): boolean {
    const { stepTimeout } = this.workflow.step(step);
    if (direction === 'undo' || stepTimeout === undefined) return false;
    return this.moment.now - this.attempts(step, direction).firstSentAt >= stepTimeout;
  }

  /** After an attempt that failed or got no answer: plans the next one if the policy and the saga's course allow it. */
  retryOrGiveUp(step: Step, direction: Direction, retryable: boolean): void {
    const attempts = this.attempts(step.name, direction);
    const turnedAway = direction === 'forward' && this.saga.direction === 'undo';
    const delay = retryable && !turnedAway ? this.delay(step, direction, attempts) : undefined;
    if (delay !== undefined) {
      this.add({ type: 'retryPlanned', step: step.name, direction, delay });
      return;
    }
    this.add({ type: 'gaveUp', step: step.name, direction });
    if (direction === 'undo')
      this.add({
        type: 'attention',
        code: 'COMPENSATION_FAILED',
        message: `${step.compensation ?? step.name} ended ${attempts.outcome ?? 'unknown'} after ${attempts.attempt} attempts: ${attempts.error?.message ?? 'no reason given'}`,
        step: step.name,
      });
  }

  private delay(step: Step, direction: Direction, attempts: Attempts): number | undefined {
    const policy = direction === 'forward' ? step.retry : step.undoRetry;
    if (policy.nonRetryableCodes?.includes(attempts.error?.code ?? '')) return undefined;
    const elapsed = this.moment.now - attempts.firstSentAt;
    const delay = retryDelay(policy, attempts.attempt, this.moment.random, elapsed);
    const tooLate =
      delay !== undefined &&
      direction === 'forward' &&
      step.stepTimeout !== undefined &&
      elapsed + delay >= step.stepTimeout;
    return tooLate ? undefined : delay;
  }

  private attempts(step: string, direction: Direction): Attempts {
    const attempts = this.progress(step)?.[direction];
    if (!attempts) throw new Error(`step ${step} has no ${direction} attempt`);
    return attempts;
  }
}
