import { ValidationError } from '@counterstep/core';
import type { Explanation, FailureMode, Problem, ProgressSink } from '@counterstep/core';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { SagaHandle } from './saga-handle.js';

export interface InProcessOptions {
  /** Once aborted, the saga is cancelled: it is undone, and the run resolves. Nothing runs when it was aborted before. */
  readonly signal?: AbortSignal;
  /**
   * Asked when only a person can move the saga. If it has moved when this resolves, it goes on; else the run rejects with
   * `PersonNeededError`, as it does without this.
   */
  readonly onAttention?: (saga: SagaHandle, explanation: Explanation) => unknown;
  /** Milliseconds that handlers which outlive the saga are waited for, so that it is known what they did; default 5,000. */
  readonly graceMs?: number;
  readonly logger?: Logger;
  /** Where `setProgress`, `log` and `setMetrics` go; the logger at level debug, when there is none. */
  readonly sink?: ProgressSink;
  readonly startAt?: Date;
  readonly failureMode?: FailureMode;
  readonly traceparent?: string;
  /** For tests: time that passes as it says. */
  readonly clock?: Clock;
}

/** What an option must be, in words, and whether a value is. By form: it may come from another realm. */
type Rule = readonly [what: string, fits: (value: unknown) => boolean];

const has =
  (...methods: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');

const RULES: Readonly<Record<keyof InProcessOptions, Rule>> = {
  signal: [
    'an AbortSignal, such as the signal of an AbortController',
    has('throwIfAborted', 'addEventListener'),
  ],
  onAttention: ['a function', (value) => typeof value === 'function'],
  graceMs: ['milliseconds, from 0 on', (value) => typeof value === 'number' && value >= 0],
  logger: ['an object with debug, info, warn and error', has('debug', 'info', 'warn', 'error')],
  sink: ['an object with progress, log and metrics', has('progress', 'log', 'metrics')],
  startAt: ['a valid Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())],
  failureMode: ["'compensate' or 'hold'", (value) => value === 'compensate' || value === 'hold'],
  traceparent: [
    'a text of at most 100 characters',
    (value) => typeof value === 'string' && value.length <= 100,
  ],
  clock: ['an object with now and after', has('now', 'after')],
};

/** Throws `ValidationError` (`BAD_OPTIONS`) that names every option which cannot be. Callers without types may pass anything. */
export function checkOptions(options: InProcessOptions): void {
  const known = Object.keys(RULES).join(', ');
  const problems = Object.entries(options).flatMap(([path, value]): Problem[] => {
    const problem = (message: string, mend: string) => [{ code: 'BAD_OPTIONS', message, mend, path }];
    if (!Object.hasOwn(RULES, path)) return problem(`there is no option ${path}`, `the options are ${known}`);
    const [what, fits] = RULES[path as keyof InProcessOptions];
    if (value === undefined || fits(value)) return [];
    return problem(`${path} must be ${what}`, `pass ${what}`);
  });
  if (problems.length === 0) return;
  const lines = problems.map(({ message, mend }) => `${message} (${mend})`);
  throw new ValidationError(
    'BAD_OPTIONS',
    `runInProcess cannot take its options: ${lines.join('; ')}`,
    problems,
  );
}
