import type { Fact, HistoryRecord, SagaStatus } from '@counterstep/core';
import { contextInside, fold } from '@counterstep/core';

/** What a runtime has made of a scenario. */
export interface Outcome {
  readonly status: SagaStatus;
  readonly history: readonly HistoryRecord[];
}

/** Everything that may be compared: no times and no ids. */
export function comparable({ status, history }: Outcome, beside: boolean): unknown {
  const saga = fold(status.sagaId, history);
  const { input, results } = saga ? contextInside(saga, '') : {};
  return {
    history: beside
      ? byStep(history)
      : history.map(({ event, facts }) => ({ event, facts: facts.map(timeless) })),
    status: timeless(status),
    context: { input, results },
  };
}

/** The facts of each step in their order, and those of the saga itself in theirs. */
function byStep(history: readonly HistoryRecord[]): Record<string, unknown[]> {
  const told: Record<string, unknown[]> = {};
  for (const fact of history.flatMap(({ facts }) => facts)) (told[stepOf(fact)] ??= []).push(timeless(fact));
  return told;
}

function stepOf(fact: Fact): string {
  return 'step' in fact ? (fact.step ?? '(saga)') : 'group' in fact ? fact.group : '(saga)';
}

const TIMES = new Set([
  'sagaId',
  'createdAt',
  'updatedAt',
  'startedAt',
  'dueAt',
  'deadline',
  'startAt',
  'until',
  'since',
]);

function timeless(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => {
      if (TIMES.has(key)) return undefined;
      if (typeof inner === 'object' && inner !== null && 'type' in inner && inner.type === 'stalled')
        // Its delay is drawn.
        return { ...inner, delay: undefined };
      // The wire's own overhead differs.
      return typeof inner === 'string'
        ? inner.replace(/\d+ bytes are more than .*/, 'too many bytes')
        : inner;
    }),
  );
}
