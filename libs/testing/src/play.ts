import { decide, dueAt, openAttempts } from '@counterstep/core';
import type { CommandEffect, Decision, HistoryRecord, Saga, SagaEvent, Workflow } from '@counterstep/core';

export const SAGA_ID = '01900000-0000-7000-8000-000000000001';
/** When every play begins: 1 January 2030, noon UTC. */
export const BEGIN = Date.UTC(2030, 0, 1, 12);

/** One saga, decided event by event by the real `decide`, on a clock that only its user moves. */
export class Play {
  readonly history: HistoryRecord[] = [];
  /** Every command so far, oldest first. */
  readonly sent: CommandEffect[] = [];
  now = BEGIN;
  #saga: Saga | undefined;

  constructor(
    readonly workflow: Workflow,
    /** In [0, 1): the jitter of every retry. */
    readonly random = 0.5,
    private readonly decider: typeof decide = decide,
  ) {}

  get saga(): Saga {
    if (!this.#saga) throw new Error('the saga was not started');
    return this.#saga;
  }

  get isStarted(): boolean {
    return this.#saga !== undefined;
  }

  /** Decides the event and, if it changes the saga, keeps what came of it. */
  decide(event: SagaEvent): Decision {
    const { now, random } = this;
    const decision = this.decider(this.workflow, this.#saga, event, { now, random });
    if (decision.kind === 'applied') {
      this.#saga = decision.saga;
      this.history.push(decision.record);
      this.sent.push(...decision.effects.commands);
    }
    return decision;
  }

  /** Lets the time come, with all that is due until then: attempts get no answer, and timers act. */
  pass(until: number): void {
    for (;;) {
      const due = this.#saga && dueAt(this.#saga);
      if (due === undefined || due > until) break;
      this.now = Math.max(this.now, due);
      const decisions = this.dueEvents().map((event) => this.decide(event));
      if (decisions.every(({ kind }) => kind !== 'applied')) break;
    }
    this.now = Math.max(this.now, until);
  }

  /** What comes of the time as it is: attempts that got no answer, then whatever was planned. */
  dueEvents(): SagaEvent[] {
    const over = openAttempts(this.saga).filter(
      ({ attempts }) => attempts.status === 'running' && (attempts.dueAt ?? Infinity) <= this.now,
    );
    return [
      ...over.map(({ step, direction, attempts: { run, attempt } }): SagaEvent => ({
        type: 'deadline',
        step,
        direction,
        run,
        attempt,
      })),
      { type: 'timer' },
    ];
  }
}
