import type { Fact, SagaRow } from '@counterstep/core';

/* JSON as it is stored: without what nearly always holds, which is put back when it is read. What was stored whole is read too. */

type Required<F> = {
  readonly [Field in keyof F as object extends Pick<F, Field> ? never : Field]?: F[Field];
};

type Usual = { readonly [Type in Fact['type']]?: Required<Extract<Fact, { type: Type }>> };

/**
 * Only fields that a fact of the type must have: one that may be absent could not be told from one that was left out. An
 * entry may be added later, but never be taken away or changed.
 */
const USUAL: Usual = {
  entered: { taken: true },
  command: { direction: 'forward', run: 1, attempt: 1 },
  replied: { direction: 'forward', attempt: 1, outcome: 'succeeded' },
  timedOut: { direction: 'forward', attempt: 1 },
  retryPlanned: { direction: 'forward' },
  heartbeat: { direction: 'forward', attempt: 1 },
  finished: { state: 'completed' },
};

type Entry = SagaRow['position'][number];
type Fields = Readonly<Record<string, unknown>>;

export function factsText(facts: readonly Fact[]): string {
  return JSON.stringify(facts.map(shortened));
}

export function factsFrom(text: string): Fact[] {
  return (JSON.parse(text) as Fact[]).map(restored);
}

/** A first attempt that goes forward and awaits its answer is its path and its due time. */
export function positionText(position: SagaRow['position']): string {
  return JSON.stringify(
    position.map((entry) => {
      const [path, direction, run, attempt, status, until] = entry;
      const isUsual = direction === 'forward' && run === 1 && attempt === 1 && status === 'running';
      return isUsual ? [path, until] : entry;
    }),
  );
}

export function positionFrom(text: string): SagaRow['position'] {
  return (JSON.parse(text) as (Entry | [path: string, until: number])[]).map((entry) =>
    entry.length === 2 ? [entry[0], 'forward', 1, 1, 'running', entry[1]] : entry,
  );
}

function shortened(fact: Fact): Fact | Fields {
  const usual = USUAL[fact.type] as Fields | undefined;
  if (!usual) return fact;
  const short: Record<string, unknown> = {};
  for (const field in fact) {
    const value = (fact as Fields)[field];
    if (value !== usual[field]) short[field] = value;
  }
  return short;
}

/** People read it, so the fields come in the order in which they were given. */
function restored(fact: Fact): Fact {
  const usual = USUAL[fact.type];
  if (!usual) return fact;
  const { type } = fact;
  return Object.assign('step' in fact ? { type, step: fact.step } : { type }, usual, fact);
}
