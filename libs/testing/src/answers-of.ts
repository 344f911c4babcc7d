import type { Answer, Barrier, BarrierEntry } from '@counterstep/worker';

/** Gives the entries to the barrier as one group. Rejects with the `BarrierUnavailable` of one that is undecided. */
export async function answersOf(
  barrier: Barrier,
  entries: readonly Pick<BarrierEntry, 'order' | 'effect'>[],
): Promise<Answer[]> {
  const group: BarrierEntry[] = [];
  const answers = entries.map(
    (entry) => new Promise<Answer>((answered, undecided) => group.push({ ...entry, answered, undecided })),
  );
  const [all] = await Promise.all([Promise.all(answers), barrier.perform(group)]);
  return all;
}
