import type { FileHandle } from 'node:fs/promises';
import { open, rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BaseStep, StepResult, reasonOf } from '@counterstep/steps';
import { FileError, fileErrorOf, fileNameSchema } from '../files.js';
import { needed } from '../needed.js';
import { inParallel } from '../parallel.js';
import type { ExportContext, OutputPaths } from './export-context.js';
import type { OriginalFile } from './export-backend.js';
import type { ExportItem } from './target-handler.js';

/** What `save_files` keeps for its rollback. */
export interface FilesSaved {
  readonly files: readonly string[];
}

/**
 * Saves the data of each item as JSON, and its original files, streamed from the storage, unless the parameters say no. What
 * cannot be saved is listed, and the rest goes on; when no item could be saved, the step fails. Skipped when no item was
 * converted.
 */
export class SaveFilesStep extends BaseStep<ExportContext, FilesSaved> {
  readonly name: string = 'save_files';
  readonly progressWeight: number = 0.35;

  override canSkip({ convertedItems }: ExportContext): boolean {
    return (convertedItems?.length ?? 0) === 0;
  }

  async execute(context: ExportContext, signal: AbortSignal): Promise<StepResult<FilesSaved>> {
    const items = needed(context.convertedItems, 'convert_data');
    const saving = new Saving(context, needed(context.outputPaths, 'initialize'), signal);
    try {
      await inParallel(items, context.params.parallelism, async (item) => saving.save(item, items.length));
      const { errorsJson, errorsOriginal, exportedCount, files } = saving;
      const [first] = [...errorsJson, ...errorsOriginal];
      if (first && exportedCount === 0) {
        throw new Error(`no item could be saved; the first: ${first.name}: ${first.error}`);
      }
      const failedCount = saving.failedCount + context.errorsConvert.length;
      Object.assign(context, { errorsJson, errorsOriginal, exportedCount, failedCount });
      return new StepResult({ data: { exportedCount, failedCount }, rollbackData: { files } });
    } catch (thrown) {
      await remove(saving.files);
      throw thrown;
    }
  }

  override async rollback(context: ExportContext, { rollbackData }: StepResult<FilesSaved>): Promise<void> {
    Object.assign(context, { errorsJson: [], errorsOriginal: [], exportedCount: 0, failedCount: 0 });
    await remove(rollbackData.files ?? []);
  }
}

async function remove(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
}

/** What was saved so far, and what was not. */
class Saving {
  readonly files: string[] = [];
  readonly errorsJson: ExportContext['errorsJson'] = [];
  readonly errorsOriginal: ExportContext['errorsOriginal'] = [];
  exportedCount = 0;
  failedCount = 0;

  constructor(
    private readonly context: ExportContext,
    private readonly folders: OutputPaths,
    private readonly signal: AbortSignal,
  ) {}

  async save(item: ExportItem, total: number): Promise<void> {
    this.signal.throwIfAborted();
    const originals = this.context.storage ? item.files : [];
    let whole = true;
    for (const file of originals) {
      const saved = this.#place(this.folders.originFiles, file.name, item.id, (handle) =>
        this.#download(file, handle),
      );
      whole = (await this.#listed(saved, this.errorsOriginal, item.id, file.name)) && whole;
    }
    const text = `${JSON.stringify(item.data, null, 2)}\n`;
    const saved = this.#place(this.folders.json, `${item.name}.json`, item.id, (file) =>
      file.writeFile(text, { signal: this.signal }),
    );
    whole = (await this.#listed(saved, this.errorsJson, item.id, item.name)) && whole;
    if (whole) this.exportedCount += 1;
    else this.failedCount += 1;
    const { exportedCount: exported, failedCount: failed } = this;
    this.context.setProgress(exported + failed, total);
    this.context.setMetrics({ exported, failed, waiting: total - exported - failed });
  }

  /** True when it was saved; else the reason is listed. */
  async #listed(
    saved: Promise<void>,
    errors: ExportContext['errorsJson'],
    id: ExportItem['id'],
    name: string,
  ): Promise<boolean> {
    try {
      await saved;
      return true;
    } catch (thrown) {
      this.signal.throwIfAborted();
      errors.push({ id, name, error: reasonOf(thrown) });
      return false;
    }
  }

  /** Writes a file that does not exist: with the id in its name when another item has the name. */
  async #place(
    folder: string,
    name: string,
    id: ExportItem['id'],
    write: (file: FileHandle) => Promise<void>,
  ): Promise<void> {
    const { name: stem, ext } = parse(name);
    const { path, file } = await newFile(folder, [name, `${stem}_${id}${ext}`]);
    try {
      await write(file);
      this.files.push(path);
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    } finally {
      await file.close();
    }
  }

  async #download({ key }: OriginalFile, file: FileHandle): Promise<void> {
    const storage = needed(this.context.storage, 'initialize');
    const content = await storage.read(key, this.signal);
    await pipeline(content, file.createWriteStream(), { signal: this.signal });
  }
}

/** Opens a file under the first of the names that is free. */
async function newFile(
  folder: string,
  names: readonly string[],
): Promise<{ path: string; file: FileHandle }> {
  for (const [index, name] of names.entries()) {
    const checked = fileNameSchema.safeParse(name);
    if (!checked.success) throw new Error(`the name '${name}' ${checked.error.issues[0]?.message ?? ''}`);
    const path = join(folder, name);
    try {
      return { path, file: await open(path, 'wx') };
    } catch (thrown) {
      const error = fileErrorOf(thrown, path);
      const taken = error instanceof FileError && error.code === 'FILE_EXISTS';
      if (!taken || index === names.length - 1) throw error;
    }
  }
  throw new Error('no name was given');
}
