import { createReadStream } from 'node:fs';
import { readSheet } from 'read-excel-file/node';
import { reasonOf } from '@counterstep/steps';
import { FileError, checkReadable } from '../files.js';
import type { UnitMetadata } from './upload-backend.js';
import type { UploadParams } from './upload-params.js';

/** A row of the metadata: what it says of the file or data unit that it names. */
export interface MetadataRow {
  /** As a spreadsheet counts: the titles are row 1. */
  readonly row: number;
  readonly name: string;
  readonly values: UnitMetadata['values'];
}

type Cell = boolean | Date | number | string | null;

/**
 * The rows of the first sheet that are not empty. Dates become texts such as `2026-11-21T00:00:00.000Z`.
 * @throws FileError that names the file and says why: it is missing, too large, no .xlsx, or its titles or names are not clear.
 */
export async function readMetadata(
  { metadataPath = '', metadataColumn, maxMetadataBytes }: UploadParams,
  signal: AbortSignal,
): Promise<MetadataRow[]> {
  await checkReadable(metadataPath, maxMetadataBytes);
  const [titles = [], ...rows] = await cellsOf(metadataPath, signal);
  const invalid = (reason: string) => new FileError('FILE_INVALID', metadataPath, reason);
  const names = titles.map((title) => textOf(title));
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`two columns have the title '${twice}'`);
  const column = metadataColumn === undefined ? 0 : names.indexOf(metadataColumn);
  if (column < 0)
    throw invalid(`no column has the title '${metadataColumn ?? ''}'; there are: ${names.join(', ')}`);

  return rows.flatMap((cells, index) => {
    if (cells.every((cell) => cell === null)) return [];
    const row = index + 2;
    const name = textOf(cells[column] ?? null);
    if (name === '') throw invalid(`row ${row} names no file`);
    const others = names.flatMap((title, at) =>
      title === '' || at === column ? [] : [[title, cells[at] ?? null] as const],
    );
    return [{ row, name, values: Object.fromEntries(others.map(([title, cell]) => [title, valueOf(cell)])) }];
  });
}

async function cellsOf(path: string, signal: AbortSignal): Promise<Cell[][]> {
  const content = createReadStream(path, { signal });
  try {
    return (await readSheet(content)) as Cell[][];
  } catch (thrown) {
    signal.throwIfAborted();
    throw new FileError('FILE_INVALID', path, `it cannot be read as .xlsx: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    content.destroy();
  }
}

const textOf = (cell: Cell) => String(valueOf(cell) ?? '').trim();
const valueOf = (cell: Cell) => (cell !== null && typeof cell === 'object' ? cell.toISOString() : cell);
