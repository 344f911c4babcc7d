import { expect } from '@jest/globals';
import { decide, dueAt, fold, isLive, rowOf } from '../src/index.js';
import type { CommandEffect, Decision, Fact, HistoryRecord, ReplyEvent, Saga } from '../src/index.js';
import type { SagaEvent, Workflow } from '../src/index.js';
import type { Direction, JsonObject } from '@counterstep/protocol';

export const SAGA_ID = '01900000-0000-7000-8000-000000000001';

/**
 * One saga, decided event by event without an engine. After each event it holds for every test that the saga is the fold
 * of its history as read back from JSON, that the version grew by one, and that something will move it (promise 6).
 */
export class SagaPlay {
  readonly history: HistoryRecord[] = [];
  readonly sent: CommandEffect[] = [];
  now = 1_000_000;
  random = 0.5;
  private current: Saga | undefined;

  constructor(readonly workflow: Workflow) {}

  get saga(): Saga {
    if (!this.current) throw new Error('the saga was not started');
    return this.current;
  }

  /** `worker#attempt` of every command so far. */
  get commands(): string[] {
    return this.sent.map(({ worker, attempt }) => (attempt === 1 ? worker : `${worker}#${attempt}`));
  }

  get facts(): Fact[] {
    return this.history.flatMap((record) => record.facts);
  }

  factsOf<Type extends Fact['type']>(type: Type): Extract<Fact, { type: Type }>[] {
    return this.facts.filter((fact): fact is Extract<Fact, { type: Type }> => fact.type === type);
  }

  start(input: JsonObject = {}, startAt?: number): this {
    this.apply({ type: 'start', sagaId: SAGA_ID, input, ...(startAt !== undefined && { startAt }) });
    return this;
  }

  decide(event: SagaEvent): Decision {
    const before = this.current;
    const decision = decide(this.workflow, before, event, { now: this.now, random: this.random });
    if (decision.kind !== 'applied') return decision;
    this.current = decision.saga;
    this.history.push(decision.record);
    this.sent.push(...decision.effects.commands);
    const readBack = fold(SAGA_ID, JSON.parse(JSON.stringify(this.history)) as HistoryRecord[]);
    expect(readBack).toEqual(decision.saga);
    expect(readBack && rowOf(readBack)).toEqual(rowOf(decision.saga));
    expect(decision.saga.version).toBe((before?.version ?? 0) + 1);
    expect(isLive(decision.saga)).toBe(true);
    return decision;
  }

  /** Fails the test when the event changes nothing. */
  apply(event: SagaEvent): this {
    const decision = this.decide(event);
    expect(decision).toMatchObject({ kind: 'applied' });
    return this;
  }

  /** The reason why the event changes nothing; fails the test when it does. */
  ignored(event: SagaEvent): string {
    const decision = this.decide(event);
    expect(decision).toMatchObject({ kind: 'ignored' });
    return decision.kind === 'ignored' ? decision.reason : '';
  }

  /** A reply of the current attempt, unless `more` says otherwise. */
  replyOf(step: string, outcome: ReplyEvent['outcome'], more: Partial<ReplyEvent> = {}): ReplyEvent {
    const direction: Direction = more.direction ?? 'forward';
    const attempts = this.saga.steps[step]?.[direction];
    const [run, attempt] = [attempts?.run ?? 1, attempts?.attempt ?? 1];
    return { type: 'reply', step, direction, run, attempt, outcome, ...more };
  }

  succeed(step: string, output: unknown = {}, more: Partial<ReplyEvent> = {}): this {
    return this.apply(this.replyOf(step, 'succeeded', { output, ...more }));
  }

  fail(step: string, code = 'BUSY', more: Partial<ReplyEvent> = {}): this {
    return this.apply(this.replyOf(step, 'failed', { error: { code, message: `it is ${code}` }, ...more }));
  }

  /** A failure that no retry can mend. */
  breakDown(step: string, code = 'BROKEN'): this {
    return this.fail(step, code, { error: { code, message: `it is ${code}`, retryable: false } });
  }

  reject(step: string, code = 'DECLINED', more: Partial<ReplyEvent> = {}): this {
    return this.apply(this.replyOf(step, 'rejected', { error: { code, message: `it is ${code}` }, ...more }));
  }

  undone(step: string): this {
    return this.apply(this.replyOf(step, 'succeeded', { direction: 'undo' }));
  }

  deadlineOf(step: string, direction: Direction = 'forward'): Extract<SagaEvent, { type: 'deadline' }> {
    const attempts = this.saga.steps[step]?.[direction];
    const [run, attempt] = [attempts?.run ?? 1, attempts?.attempt ?? 1];
    return { type: 'deadline', step, direction, run, attempt };
  }

  /** Lets the attempt's time pass without an answer. */
  timeOut(step: string, direction: Direction = 'forward'): this {
    this.now = this.saga.steps[step]?.[direction]?.dueAt ?? this.now;
    return this.apply(this.deadlineOf(step, direction));
  }

  /** Lets the time of the next retry, or of the start, come. */
  wait(): this {
    const due = dueAt(this.saga);
    expect(due).toBeDefined();
    this.now = due ?? this.now;
    return this.apply({ type: 'timer' });
  }
}
