/**
 * Does the work for each item, at most `limit` at a time. After the first rejection nothing new is begun; it rejects with
 * that one, when those that were going on have settled.
 */
export async function inParallel<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const item of items as AsyncIterable<T>) {
      const one: Promise<void> = work(item)
        .catch((thrown: unknown) => void failures.push(thrown))
        .finally(() => running.delete(one));
      running.add(one);
      if (running.size >= limit) await Promise.race(running);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
