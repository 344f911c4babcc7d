import type { Decision, Fact, Saga, SagaEvent } from '@counterstep/core';
import type { Answer, BarrierRow } from '@counterstep/worker';

/** What a walk must have met at least once, lest its invariants hold of nothing. */
export const INTERESTING = [
  'late reply after timeout',
  'late success after the undo was sent',
  'late rejection',
  'rejection after an unknown not believed',
  'answer of an earlier attempt wins',
  'undo again',
  'null compensation',
  'refused late command',
  'duplicate answered from the row',
  'a started effect runs again',
  'late success told by the barrier',
  'a rejection that may be wrong is stored so',
  'stale deadline ignored',
  'duplicate reply ignored',
  'retry sent',
  'undo retried',
  'compensation given up: a person is asked',
  'a person tries again',
  'a person leaves an effect standing',
  'cancel with a command out',
  'cancel waits for the pivot',
  'cancel dropped, as the pivot succeeded',
  'cancel refused past the pivot',
  'pivot uncertain',
  'a step after the pivot needs a person',
  'a loser is undone',
  'news after the end',
  'a late effect is shown to a person',
  'the failure of a group that does not wait',
  'a condition passes a step over',
  'the orchestrator dies before it sends',
  'the orchestrator dies after it has sent',
  'the worker dies after its effect',
  'completed',
  'compensated',
  'cancelled',
  'failed',
] as const;

export type Meeting = (typeof INTERESTING)[number];

export class Meetings {
  readonly counts = new Map<Meeting, number>(INTERESTING.map((name) => [name, 0]));

  meet(name: Meeting): void {
    this.meetIf(true, name);
  }

  private meetIf(when: boolean | undefined, name: Meeting): void {
    if (when) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  never(): Meeting[] {
    return INTERESTING.filter((name) => this.counts.get(name) === 0);
  }

  answered(answer: Answer, row: BarrierRow | undefined): void {
    this.meetIf(row !== undefined && row.answer !== null, 'duplicate answered from the row');
    this.meetIf(answer.outcome === 'succeeded' && answer.noop && !row, 'null compensation');
    this.meetIf(answer.outcome === 'rejected' && answer.refused, 'refused late command');
  }

  decided(before: Saga, event: SagaEvent, decision: Decision): void {
    if (decision.kind === 'refused')
      this.meetIf(decision.code === 'PAST_PIVOT', 'cancel refused past the pivot');
    if (decision.kind === 'ignored') {
      this.meetIf(event.type === 'deadline', 'stale deadline ignored');
      this.meetIf(event.type === 'reply' && !event.refused, 'duplicate reply ignored');
    }
    if (decision.kind !== 'applied') return;
    const isOut = Object.values(before.steps).some(({ forward }) => forward?.status === 'running');
    this.meetIf(event.type === 'cancel' && isOut, 'cancel with a command out');
    if (event.type === 'reply') {
      const attempts = before.steps[event.step]?.[event.direction];
      this.meetIf(attempts && event.attempt < attempts.attempt, 'answer of an earlier attempt wins');
      this.meetIf(
        attempts?.status !== 'running' && attempts?.outcome === 'unknown',
        'late reply after timeout',
      );
    }
    for (const fact of decision.record.facts) this.stated(before, event, fact, decision.saga);
  }

  private stated(before: Saga, event: SagaEvent, fact: Fact, after: Saga): void {
    switch (fact.type) {
      case 'lateSuccess':
        return this.meetIf(
          before.steps[fact.step]?.undo !== undefined,
          'late success after the undo was sent',
        );
      case 'lateRejection':
        return this.meet('late rejection');
      case 'lateReply':
        return this.meet('news after the end');
      case 'replied':
        return this.meetIf(
          fact.outcome === 'unknown' && event.type === 'reply' && event.outcome === 'rejected',
          'rejection after an unknown not believed',
        );
      case 'command':
        this.meetIf(fact.direction === 'undo' && fact.run > 1, 'undo again');
        this.meetIf(fact.direction === 'forward' && fact.attempt > 1, 'retry sent');
        this.meetIf(fact.direction === 'undo' && fact.attempt > 1, 'undo retried');
        return this.meetIf(
          fact.direction === 'undo' && after.steps[fact.step]?.lost === 'undo',
          'a loser is undone',
        );
      case 'attention':
        this.meetIf(fact.code === 'COMPENSATION_FAILED', 'compensation given up: a person is asked');
        this.meetIf(fact.code === 'PIVOT_UNCERTAIN', 'pivot uncertain');
        this.meetIf(fact.code === 'RETRIABLE_FAILED', 'a step after the pivot needs a person');
        return this.meetIf(fact.code === 'LATE_EFFECT', 'a late effect is shown to a person');
      case 'intervened':
        this.meetIf(fact.verb === 'retry', 'a person tries again');
        return this.meetIf(fact.verb === 'giveUp', 'a person leaves an effect standing');
      case 'cancelRequested':
        return this.meetIf(fact.waits !== undefined, 'cancel waits for the pivot');
      case 'cancelDropped':
        return this.meet('cancel dropped, as the pivot succeeded');
      case 'gaveUp':
        return this.meetIf(fact.unawaited, 'the failure of a group that does not wait');
      case 'entered':
        return this.meetIf(!fact.taken, 'a condition passes a step over');
      case 'finished':
        return this.meet(fact.state as Meeting);
      default:
        return;
    }
  }
}
