import { open } from 'node:fs/promises';
import { BaseStep, StepResult } from '@counterstep/steps';
import { FileError, fileErrorOf } from '../files.js';
import { needed } from '../needed.js';
import { inParallel } from '../parallel.js';
import { retrying } from '../retry.js';
import { backendOf, portOf } from '../runtime.js';
import type { UploadContext, UploadedFile } from './upload-context.js';
import { type UploadWritten, removeWritten } from './written.js';

const UNITS_AT_ONCE = 500;

/**
 * Streams the files to the storage, several at the same time, each again when it fails, and creates the data units at the
 * backend. When one cannot be uploaded, or the run is stopped, what was written is deleted before the step fails; rollback
 * deletes it too.
 */
export class UploadFilesStep extends BaseStep<UploadContext, UploadWritten> {
  readonly name: string = 'upload_files';
  readonly progressWeight: number = 0.5;

  async execute(context: UploadContext, signal: AbortSignal): Promise<StepResult<UploadWritten>> {
    const collectionId = needed(context.dataCollection, 'initialize').id;
    const uploading = new Uploading(context, collectionId, signal);
    try {
      const { files, bytes } = await uploading.files();
      const units = await uploading.units();
      context.uploadedFiles = files;
      context.createdUnits = units;
      const data = { files: files.length, bytes, units: units.length };
      return new StepResult({ data, rollbackData: uploading.written });
    } catch (thrown) {
      // Not by the signal of the step, which may be aborted.
      await removeWritten(context, uploading.written, { cause: thrown });
      throw thrown;
    }
  }

  override async rollback(
    context: UploadContext,
    { rollbackData }: StepResult<UploadWritten>,
    signal: AbortSignal,
  ): Promise<void> {
    const { collectionId, keys = [], batches = [] } = rollbackData;
    Object.assign(context, { uploadedFiles: [], createdUnits: [] });
    if (collectionId !== undefined) await removeWritten(context, { collectionId, keys, batches }, { signal });
  }
}

class Uploading {
  /** Noted before it is written: whatever becomes of that, it is looked after. */
  readonly written: { readonly collectionId: number; readonly keys: string[]; readonly batches: string[] };
  readonly #planned: UploadedFile[];
  readonly #done = new Set<UploadedFile>();
  #bytes = 0;
  /** Of the run, and of the first file that could not be uploaded. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(
    private readonly context: UploadContext,
    collectionId: number,
    runSignal: AbortSignal,
  ) {
    this.written = { collectionId, keys: [], batches: [] };
    this.#signal = AbortSignal.any([runSignal, this.#stop.signal]);
    this.#planned = context.dataUnits.flatMap(({ name: unit, files }) =>
      Object.entries(files).map(([specification, file]) => ({ ...file, unit, specification })),
    );
  }

  async files(): Promise<{ readonly files: UploadedFile[]; readonly bytes: number }> {
    const { parallelism } = this.context.params;
    this.#tell();
    await inParallel(this.#planned, parallelism, async (file) => {
      try {
        await this.#upload(file);
      } catch (thrown) {
        this.#stop.abort(thrown);
        throw thrown;
      }
    });
    return { files: this.#planned, bytes: this.#bytes };
  }

  async units(): Promise<UploadContext['createdUnits']> {
    const backend = backendOf(this.context.runtimeCtx, 'uploads');
    const uploadId = needed(this.context.uploadId, 'initialize');
    const { collectionId, batches } = this.written;
    const units = this.context.dataUnits.map(({ name, files }) => ({
      name,
      files: Object.fromEntries(
        Object.entries(files).map(([specification, { key, size }]) => [specification, { key, size }]),
      ),
    }));
    const created: UploadContext['createdUnits'][number][] = [];
    for (let from = 0; from < units.length; from += UNITS_AT_ONCE) {
      const batch = `${uploadId}-${batches.length}`;
      batches.push(batch);
      const part = units.slice(from, from + UNITS_AT_ONCE);
      created.push(...(await backend.createDataUnits(collectionId, batch, part, this.#signal)));
    }
    return created;
  }

  async #upload(file: UploadedFile): Promise<void> {
    const { retries, firstRetryDelayMs: firstDelayMs } = this.context.params;
    const { key, size, source } = file;
    this.#signal.throwIfAborted();
    this.written.keys.push(key);
    let attempts = 0;
    await retrying({ retries, firstDelayMs }, this.#signal, async () => {
      attempts += 1;
      await this.#attempt(file).catch((thrown: unknown) => {
        this.#signal.throwIfAborted();
        throw named(thrown, source.path);
      });
    });
    this.#done.add(file);
    this.#bytes += size;
    this.context.log('file_uploaded', { key, size, attempts }, source.path);
    this.#tell();
  }

  async #attempt({ key, size, source: { path } }: UploadedFile): Promise<void> {
    const file = await open(path, 'r').catch((thrown: unknown) => {
      throw fileErrorOf(thrown, path);
    });
    const content = file.createReadStream();
    try {
      const stored = await portOf(this.context.runtimeCtx, 'storage').write(key, content, this.#signal);
      if (stored.size === size) return;
      const reason = `it changed while it was uploaded: it has ${stored.size} bytes, and had ${size}`;
      throw new FileError('FILE_INVALID', path, reason);
    } finally {
      content.destroy();
    }
  }

  #tell(): void {
    const total = this.#planned.length;
    const done = this.#done.size;
    this.context.setProgress(done, total);
    this.context.setMetrics({ uploaded: done, waiting: total - done, bytes: this.#bytes });
  }
}

/** An error that says which file it is about. */
function named(thrown: unknown, path: string): unknown {
  if (thrown instanceof FileError) return thrown;
  const { message, retryable } = thrown as { message?: unknown; retryable?: unknown };
  const error = new Error(`${path}: it could not be uploaded: ${String(message ?? thrown)}`, {
    cause: thrown,
  });
  return retryable === false ? Object.assign(error, { retryable }) : error;
}
