import { storableText } from '@counterstep/protocol';
import type { Entry } from './batch.js';
import type { Input } from './input.js';
import { StoreContentError } from './store.js';

/** Whether the batch is refused for what it says (or cannot even be written as JSON): again, it would be refused again. */
export function isRefusedForContent(error: unknown): error is Error {
  return error instanceof StoreContentError || error instanceof TypeError;
}

/**
 * Writes the entries, in halves if need be until the culprit is alone; the rest goes on. Rejects with what is not the
 * entries' fault.
 */
export async function writeWithoutCulprits(
  entries: readonly Entry[],
  write: (entries: readonly Entry[]) => Promise<void>,
  onCulprit: (entry: Entry, error: Error) => void,
): Promise<void> {
  try {
    await write(entries);
  } catch (error) {
    const [first] = entries;
    if (!isRefusedForContent(error) || !first) throw error;
    if (entries.length === 1) {
      onCulprit(first, error);
      return;
    }
    const half = Math.ceil(entries.length / 2);
    await writeWithoutCulprits(entries.slice(0, half), write, onCulprit);
    await writeWithoutCulprits(entries.slice(half), write, onCulprit);
  }
}

export function codeOf(error: Error): string {
  return error instanceof StoreContentError ? error.code : error.name;
}

/** What holds the saga for a person; undefined when there is no saga yet, or holding it is what was refused. */
export function quarantineOf({ sagaId, version, verdicts }: Entry, error: Error): Input | undefined {
  if (version === 0 || verdicts.some(({ input }) => input.event.type === 'quarantine')) return undefined;
  const message = storableText(`the store refused a transition (${codeOf(error)}): ${error.message}`, 1_000);
  const event = { type: 'quarantine', code: 'POISON', message } as const;
  return { sagaId, event, origin: 'internal', settle: () => undefined };
}
