import { BaseStep, StepResult } from '@counterstep/steps';
import { FileError } from '../files.js';
import { needed } from '../needed.js';
import { retrying } from '../retry.js';
import { backendOf } from '../runtime.js';
import { type MetadataRow, readMetadata } from './metadata-sheet.js';
import { problemsIn } from './source-files.js';
import type { UnitMetadata } from './upload-backend.js';
import type { UploadContext } from './upload-context.js';

const ROWS_AT_ONCE = 1_000;

/** What `process_metadata` keeps for its rollback. */
export interface MetadataSaved {
  readonly collectionId: number;
  readonly keys: readonly string[];
}

/**
 * Reads the .xlsx file, and saves what each row says of the data unit that it names: by the unit's name, or by the path or name
 * of one of its files. Rows that name nothing of this upload are told. Rollback takes back what was saved. Skipped
 * when no such file was given.
 */
export class ProcessMetadataStep extends BaseStep<UploadContext, MetadataSaved> {
  readonly name: string = 'process_metadata';
  readonly progressWeight: number = 0.05;

  override canSkip({ params }: UploadContext): boolean {
    return params.metadataPath === undefined;
  }

  async execute(context: UploadContext, signal: AbortSignal): Promise<StepResult<MetadataSaved>> {
    const collectionId = needed(context.dataCollection, 'initialize').id;
    const uploadId = needed(context.uploadId, 'initialize');
    const rows = await readMetadata(context.params, signal);
    const { metadata, unmatched } = match(rows, context);
    const keys: string[] = [];
    try {
      for (let from = 0; from < metadata.length; from += ROWS_AT_ONCE) {
        const key = `${uploadId}-${keys.length}`;
        keys.push(key);
        const part = metadata.slice(from, from + ROWS_AT_ONCE);
        await backendOf(context.runtimeCtx, 'uploads').saveMetadata(collectionId, key, part, signal);
        context.setProgress(from + part.length, metadata.length);
      }
    } catch (thrown) {
      await this.#takeBack(context, { collectionId, keys });
      throw thrown;
    }
    context.metadataResult = { rows: rows.length, matched: metadata.length, unmatched };
    if (unmatched.length > 0) context.log('metadata_unmatched', { rows: unmatched });
    return new StepResult({ data: { ...context.metadataResult }, rollbackData: { collectionId, keys } });
  }

  override async rollback(
    context: UploadContext,
    { rollbackData }: StepResult<MetadataSaved>,
  ): Promise<void> {
    const { collectionId, keys = [] } = rollbackData;
    context.metadataResult = null;
    if (collectionId !== undefined) await this.#takeBack(context, { collectionId, keys });
  }

  async #takeBack(context: UploadContext, { collectionId, keys }: MetadataSaved): Promise<void> {
    const { retries, firstRetryDelayMs: firstDelayMs } = context.params;
    const backend = backendOf(context.runtimeCtx, 'uploads');
    for (const key of keys) {
      await retrying({ retries, firstDelayMs }, undefined, async () =>
        backend.deleteMetadata(collectionId, key),
      );
    }
  }
}

/** @throws FileError when it is not clear of which data unit a row is. */
function match(
  rows: readonly MetadataRow[],
  { createdUnits, dataUnits, params }: UploadContext,
): { readonly metadata: UnitMetadata[]; readonly unmatched: { row: number; name: string }[] } {
  const ids = new Map(createdUnits.map(({ name, id }) => [name, id]));
  const unitsOf = unitsByName(dataUnits);
  const rowOf = new Map<string, MetadataRow>();
  const unmatched: { row: number; name: string }[] = [];
  const problems: string[] = [];
  for (const one of rows) {
    const { row, name } = one;
    const [unit, another] = unitsOf.get(name) ?? [];
    if (unit === undefined) unmatched.push({ row, name });
    else if (another !== undefined) problems.push(`row ${row}: '${name}' may be ${unit} or ${another}`);
    else if (rowOf.has(unit))
      problems.push(`rows ${rowOf.get(unit)?.row ?? ''} and ${row} are both of ${unit}`);
    else rowOf.set(unit, one);
  }
  if (problems.length > 0)
    throw new FileError('FILE_INVALID', params.metadataPath ?? '', problemsIn(problems));
  const metadata = [...rowOf].map(([unit, { values }]) => ({
    dataUnitId: needed(ids.get(unit) ?? null, 'upload_files'),
    values,
  }));
  return { metadata, unmatched };
}

/** The data units that a name may mean. The names of units come first: what is one of them means only that. */
function unitsByName(dataUnits: UploadContext['dataUnits']): Map<string, Set<string>> {
  const units = new Map<string, Set<string>>();
  for (const { name, files } of dataUnits) {
    for (const { source } of Object.values(files)) {
      const { relativePath } = source;
      const names = [relativePath, relativePath.slice(relativePath.lastIndexOf('/') + 1)];
      for (const each of names) units.set(each, (units.get(each) ?? new Set()).add(name));
    }
  }
  for (const { name } of dataUnits) units.set(name, new Set([name]));
  return units;
}
