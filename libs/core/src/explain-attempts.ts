import type { Direction, ErrorFacts } from '@counterstep/protocol';
import { inWords, times } from './words.js';
import { workerOf } from './effects.js';
import { inOrder } from './saga.js';
import type { Attempts, Saga } from './saga.js';
import { placesOf } from './tree.js';
import type { Step, Workflow } from './workflow.js';

/** `in 12 s`, `now`, `3 s ago`, or what holds it back. */
export type When = (time: number) => string;

/** A command that is out (`command`), or the next attempt, which waits for its time (`retry`). */
export interface AttemptReason {
  readonly kind: 'command' | 'retry';
  readonly step: string;
  readonly direction: Direction;
  /** Null where the definition is absent. */
  readonly worker: string | null;
  readonly run: number;
  /** The attempt that is out, or the next one. */
  readonly attempt: number;
  /** How many there may be; fewer where a time limit ends them. Null where the definition is absent. */
  readonly of: number | null;
  /** When the attempt that is out, or the last one, was decided. */
  readonly since: string;
  /** When it is given up, or sent. */
  readonly dueAt: string | null;
  /** What became of the attempt before. */
  readonly error: ErrorFacts | null;
  /** The saga goes on without it, but does not end before it is settled. */
  readonly lost: boolean;
}

/** The open attempts, in the order of the definition. */
export function attemptReasons(
  saga: Saga,
  workflow: Workflow | undefined,
  now: number,
  when: When,
): (AttemptReason & { text: string })[] {
  const reasons: (AttemptReason & { text: string })[] = [];
  for (const { path, ...step } of inOrder(saga))
    for (const direction of ['forward', 'undo'] as const) {
      const attempts = step[direction];
      if (attempts?.status !== 'running' && attempts?.status !== 'waiting') continue;
      const reason = reasonOf(saga, workflow, path, direction, attempts);
      const dueAt = attempts.dueAt ?? now;
      const text =
        reason.kind === 'retry'
          ? retryText(reason, attempts, when(dueAt))
          : commandText(reason, attempts, now);
      reasons.push({ ...reason, text: `${text}${aside(saga, reason)}` });
    }
  return reasons;
}

function reasonOf(
  saga: Saga,
  workflow: Workflow | undefined,
  path: string,
  direction: Direction,
  attempts: Attempts,
): AttemptReason {
  const member = workflow && placesOf(workflow, path)?.at(-1)?.member;
  const step = member?.kind === 'step' ? member : undefined;
  const isRetry = attempts.status === 'waiting';
  return {
    kind: isRetry ? 'retry' : 'command',
    step: path,
    direction,
    worker: step ? workerOf(step, direction) : null,
    run: attempts.run,
    attempt: attempts.attempt + (isRetry ? 1 : 0),
    of: step ? mostAttempts(step, direction, attempts) : null,
    since: new Date(attempts.sentAt).toISOString(),
    dueAt: attempts.dueAt === undefined ? null : new Date(attempts.dueAt).toISOString(),
    error: attempts.error ?? null,
    lost: isLost(saga, path),
  };
}

/** A person who asked for another attempt has given it the retries anew. */
function mostAttempts(step: Step, direction: Direction, { spent = 0 }: Attempts): number {
  return spent + (direction === 'undo' ? step.undoRetry : step.retry).maxRetries + 1;
}

function isLost(saga: Saga, path: string): boolean {
  return Object.values(saga.steps).some(
    (step) => step.lost !== undefined && (path === step.path || path.startsWith(`${step.path}/`)),
  );
}

function retryText(reason: AttemptReason, { attempt, error }: Attempts, when: string): string {
  const last = error ? `${attempt > 1 ? ', last' : ''} with ${error.code}` : '';
  const failed = `${reason.worker ?? reason.step} failed ${times(attempt)}${last}`;
  return `${attemptOf(reason)} of ${target(reason)} ${due(when)}: ${failed}`;
}

/** What is due `in 12 s`, or was `3 s ago`. */
export function due(when: string): string {
  return `${when.endsWith(' ago') ? 'was' : 'is'} due ${when}`;
}

function commandText(reason: AttemptReason, { sentAt, dueAt = 0 }: Attempts, now: number): string {
  const sent = `${attemptOf(reason)} of ${target(reason)} was sent ${inWords(now - sentAt)} ago`;
  const left =
    dueAt > now
      ? `has ${inWords(dueAt - now)} left`
      : `is ${inWords(now - dueAt)} past its time unless it shows signs of life`;
  return `${sent}: ${reason.worker ?? 'its worker'} ${left}`;
}

function attemptOf({ attempt, of }: AttemptReason): string {
  return of === null ? `attempt ${attempt}` : `attempt ${attempt} of ${of}`;
}

function target({ step, direction }: AttemptReason): string {
  return direction === 'undo' ? `the undo of ${step}` : step;
}

function aside(saga: Saga, { direction, lost }: AttemptReason): string {
  if (direction === 'forward' && saga.direction === 'undo') return ', and the undo begins after that';
  return lost ? ', and the saga goes on without it but does not end before' : '';
}
