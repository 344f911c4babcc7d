import { reasonOf } from '@counterstep/steps';
import { ActionError } from '../errors.js';
import { inParallel } from '../parallel.js';
import { retrying } from '../retry.js';
import { backendOf, portOf } from '../runtime.js';
import type { UploadContext } from './upload-context.js';

/** What an upload has written, or may have. */
export interface UploadWritten {
  readonly collectionId: number;
  /** In the storage. */
  readonly keys: readonly string[];
  /** Under which data units were created. */
  readonly batches: readonly string[];
}

/**
 * Deletes it all, the data units first, so that none of them ever names a file that has gone. What cannot be deleted
 * does not keep the rest from being so.
 * @throws ActionError `LEFT_BEHIND`, which names what is still there, and why the upload failed if it did.
 */
export async function removeWritten(
  context: UploadContext,
  written: UploadWritten,
  { signal, cause }: { readonly signal?: AbortSignal; readonly cause?: unknown } = {},
): Promise<void> {
  const { retries, firstRetryDelayMs: firstDelayMs, parallelism } = context.params;
  const left: string[] = [];
  const remove = async (what: string, work: () => Promise<void>) => {
    try {
      await retrying({ retries, firstDelayMs }, signal, work);
    } catch (thrown) {
      left.push(`${what} (${reasonOf(thrown)})`);
    }
  };
  for (const batch of written.batches) {
    await remove(`data units '${batch}'`, async () =>
      backendOf(context.runtimeCtx, 'uploads').deleteDataUnits(written.collectionId, batch, signal),
    );
  }
  const storage = portOf(context.runtimeCtx, 'storage');
  await inParallel(written.keys, parallelism, async (key) =>
    remove(key, async () => storage.delete(key, signal)),
  );
  if (left.length === 0) return;
  const why = cause === undefined ? '' : `${reasonOf(cause)}; `;
  throw new ActionError('LEFT_BEHIND', `${why}not deleted: ${left.join('; ')}`, { cause });
}
