import { ValidationError } from './errors.js';
import { kindOf } from './result.js';

/** How a run may be ended from outside. Times are milliseconds, at most 2,147,483,647 (24 days). */
export interface StepRunOptions {
  /**
   * Ends the run: nothing new is started, the step that runs is told by its own signal, and what was done is rolled back.
   * Once the last step has succeeded, or the rollback has begun, it changes nothing.
   */
  readonly signal?: AbortSignal;
  /** For all steps together, without their rollbacks; then as if `signal` were aborted. No limit by default. */
  readonly timeoutMs?: number;
  /** For each step, `canSkip` included; then its signal is aborted. No limit by default. */
  readonly stepTimeoutMs?: number;
  /** For each rollback; then its signal is aborted. No limit by default: a rollback cut short leaves something behind. */
  readonly rollbackTimeoutMs?: number;
  /**
   * How long a step or rollback may still take once its signal is aborted. What it says in that time counts; then it is
   * given up, and has failed. Default 5,000.
   */
  readonly graceMs?: number;
}

/** A longer delay overflows Node's timers, which then fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** @throws ValidationError `UNKNOWN_OPTION`, `NOT_A_SIGNAL`, `TIMEOUT_OUT_OF_BOUNDS`. */
export function checkOptions(options: StepRunOptions): void {
  const { signal, timeoutMs, stepTimeoutMs, rollbackTimeoutMs, graceMs, ...unknown } = options;
  const times = { timeoutMs, stepTimeoutMs, rollbackTimeoutMs, graceMs };
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) {
    const known = ['signal', ...Object.keys(times)].join(', ');
    throw new ValidationError(
      'UNKNOWN_OPTION',
      `There is no option '${stranger}'. The options are: ${known}.`,
    );
  }
  if (signal !== undefined && !isSignal(signal))
    throw new ValidationError(
      'NOT_A_SIGNAL',
      `The signal must be an AbortSignal, such as the signal of an AbortController, not ${kindOf(signal)}.`,
    );
  for (const [name, value] of Object.entries(times)) {
    const least = name === 'graceMs' ? 0 : 1;
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= MAX_TIMER_MS)) continue;
    throw new ValidationError(
      'TIMEOUT_OUT_OF_BOUNDS',
      `${name} must be whole milliseconds from ${least} to ${MAX_TIMER_MS}, not ${String(value)}.`,
    );
  }
}

/** By its form: it may come from another realm. */
const isSignal = ({ aborted, addEventListener }: Partial<AbortSignal>): boolean =>
  typeof aborted === 'boolean' && typeof addEventListener === 'function';
