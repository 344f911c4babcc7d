import type { Direction } from '@counterstep/protocol';
import type { AttentionItem, Attempts, Saga, StepProgress } from './saga.js';

export type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type UndoAttempts = NonNullable<StepProgress['undo']>;
export type WritableStep = Writable<StepProgress>;

/**
 * A saga while the facts of one record are applied to it: a copy, made once for all of them. Its own fields are set. What
 * they hold is shared with the saga before, so it is replaced and never changed; only the list of steps is the draft's
 * own from the first step on that is put in it.
 */
export class Draft {
  private copy: Writable<Saga> | undefined;
  private steps: Record<string, StepProgress> | undefined;

  constructor(
    readonly sagaId: string,
    before: Saga | undefined,
  ) {
    this.copy = before && copyOfSaga(before);
  }

  get saga(): Writable<Saga> {
    if (!this.copy) throw new Error(`the history of saga ${this.sagaId} does not begin with 'started'`);
    return this.copy;
  }

  begin(saga: Saga): void {
    this.copy = copyOfSaga(saga);
    this.steps = undefined;
  }

  /** The saga after the record, which is all that the draft was for. */
  done(version: number, updatedAt: number): Saga {
    const { saga } = this;
    saga.version = version;
    saga.updatedAt = updatedAt;
    return saga;
  }

  step(path: string): StepProgress {
    const step = this.saga.steps[path];
    if (!step) throw new Error(`saga ${this.sagaId}: step ${path} was never entered`);
    return step;
  }

  put(step: StepProgress): void {
    this.steps ??= this.saga.steps = { ...this.saga.steps };
    this.steps[step.path] = step;
  }

  /** A copy of the step, put in its place, to be written to. */
  edit(path: string): WritableStep {
    const step = copyOfStep(this.step(path), path);
    this.put(step);
    return step;
  }

  attempts(step: StepProgress, direction: Direction): Attempts {
    const attempts = step[direction];
    if (!attempts) throw new Error(`saga ${this.sagaId}: step ${step.path} has no ${direction} attempt`);
    return attempts;
  }

  /** A copy of the attempts, put in the place of those in the step. Unless `timed`, their time counts no longer. */
  editAttempts(
    step: WritableStep,
    direction: Direction,
    timed: 'timed' | 'untimed' = 'timed',
  ): Writable<UndoAttempts> {
    return (step[direction] = copyOfAttempts(this.attempts(step, direction), timed));
  }

  /** Fields that the saga may have had. Taking one away makes an object slow, so it is asked first. */
  drop(...fields: ('startAt' | 'deadline' | 'stalls' | 'signals' | 'cancelWanted')[]): void {
    for (const field of fields) if (this.saga[field] !== undefined) Reflect.deleteProperty(this.saga, field);
  }

  withoutAttention(step: string, direction: Direction): void {
    const { attention } = this.saga;
    const isOther = (item: AttentionItem): boolean =>
      item.step !== step || (item.direction ?? 'forward') !== direction;
    if (attention.length > 0 && !attention.every(isOther)) this.saga.attention = attention.filter(isOther);
  }

  withoutStall(step: string): void {
    const { stalls } = this.saga;
    if (!stalls) return;
    const others = stalls.filter((stall) => stall.step !== step);
    if (others.length > 0) this.saga.stalls = others;
    else this.drop('stalls');
  }
}

/** Keeps what the step gave, as far as it gave something. */
export function keepResult(step: WritableStep, from: { output?: unknown; undoData?: unknown }): void {
  if (from.output !== undefined) step.output = from.output;
  if (from.undoData !== undefined) step.undoData = from.undoData;
}

/*
 * Copies field by field, always in the same order. To the engine a spread of a spread of a spread has another shape each
 * time, which makes it, and each look at what it made, several times slower.
 */

export function copyOfSaga(saga: Saga): Writable<Saga> {
  const copy: Writable<Saga> = {
    sagaId: saga.sagaId,
    workflow: saga.workflow,
    version: saga.version,
    state: saga.state,
    direction: saga.direction,
    aim: saga.aim,
    failureMode: saga.failureMode,
    paused: saga.paused,
    attention: saga.attention,
    input: saga.input,
    steps: saga.steps,
    createdAt: saga.createdAt,
    updatedAt: saga.updatedAt,
  };
  if (saga.traceparent !== undefined) copy.traceparent = saga.traceparent;
  if (saga.deadline !== undefined) copy.deadline = saga.deadline;
  if (saga.startAt !== undefined) copy.startAt = saga.startAt;
  if (saga.joined !== undefined) copy.joined = saga.joined;
  if (saga.cause !== undefined) copy.cause = saga.cause;
  if (saga.cancelWanted !== undefined) copy.cancelWanted = saga.cancelWanted;
  if (saga.signals !== undefined) copy.signals = saga.signals;
  if (saga.signalIds !== undefined) copy.signalIds = saga.signalIds;
  if (saga.stalls !== undefined) copy.stalls = saga.stalls;
  if (saga.gaveUp !== undefined) copy.gaveUp = saga.gaveUp;
  return copy;
}

export function copyOfStep(step: Omit<StepProgress, 'path'>, path: string): WritableStep {
  const copy: WritableStep = { path, stage: step.stage, taken: step.taken };
  if (step.writes !== undefined) copy.writes = step.writes;
  if (step.forward !== undefined) copy.forward = step.forward;
  if (step.input !== undefined) copy.input = step.input;
  if (step.output !== undefined) copy.output = step.output;
  if (step.undoData !== undefined) copy.undoData = step.undoData;
  if (step.undo !== undefined) copy.undo = step.undo;
  if (step.undoInput !== undefined) copy.undoInput = step.undoInput;
  if (step.skipped !== undefined) copy.skipped = step.skipped;
  if (step.lost !== undefined) copy.lost = step.lost;
  if (step.kind !== undefined) copy.kind = step.kind;
  if (step.items !== undefined) copy.items = step.items;
  if (step.signal !== undefined) copy.signal = step.signal;
  if (step.until !== undefined) copy.until = step.until;
  if (step.outcome !== undefined) copy.outcome = step.outcome;
  if (step.endedAt !== undefined) copy.endedAt = step.endedAt;
  if (step.error !== undefined) copy.error = step.error;
  return copy;
}

export function copyOfAttempts(
  attempts: Attempts | UndoAttempts,
  timed: 'timed' | 'untimed',
): Writable<UndoAttempts> {
  const copy: Writable<UndoAttempts> = {
    run: attempts.run,
    attempt: attempts.attempt,
    status: attempts.status,
    firstSentAt: attempts.firstSentAt,
    sentAt: attempts.sentAt,
    uncertain: attempts.uncertain,
  };
  if (timed === 'timed' && attempts.dueAt !== undefined) copy.dueAt = attempts.dueAt;
  if (attempts.outcome !== undefined) copy.outcome = attempts.outcome;
  if (attempts.endedAt !== undefined) copy.endedAt = attempts.endedAt;
  if (attempts.error !== undefined) copy.error = attempts.error;
  if (attempts.spent !== undefined) copy.spent = attempts.spent;
  const { noop, again } = attempts as UndoAttempts;
  if (noop !== undefined) copy.noop = noop;
  if (again !== undefined) copy.again = again;
  return copy;
}
