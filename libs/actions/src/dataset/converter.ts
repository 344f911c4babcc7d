import { ActionError } from '../errors.js';
import type { Dataset } from './dataset.js';
import type { DatasetFolder } from './dataset-folder.js';
import type { Loss } from './losses.js';

export interface ReadDataset {
  readonly dataset: Dataset;
  /** What the files hold and a `Dataset` does not. */
  readonly losses: readonly Loss[];
}

/**
 * Reads and writes one format. The image files themselves are not its business: in every format they stand in the folder
 * `images`, under their names.
 */
export interface DatasetConverter {
  /** Its name, such as `coco`. */
  readonly format: string;
  /** @throws FileError when a file is missing, cannot be read or is not of the format. */
  read(folder: DatasetFolder, signal?: AbortSignal): Promise<ReadDataset>;
  /** Writes all files of the format into a folder that has none of them. Resolves with what the format cannot hold. */
  write(dataset: Dataset, folder: DatasetFolder, signal?: AbortSignal): Promise<readonly Loss[]>;
}

/** The formats that datasets can be converted between, each to each. */
export class ConverterRegistry {
  readonly #converters = new Map<string, DatasetConverter>();

  constructor(converters: Iterable<DatasetConverter> = []) {
    for (const converter of converters) this.register(converter);
  }

  get formats(): string[] {
    return [...this.#converters.keys()];
  }

  /** Adds a format, in place of one of the same name. */
  register(converter: DatasetConverter): this {
    this.#converters.set(converter.format, converter);
    return this;
  }

  /** @throws ActionError `UNKNOWN_FORMAT`. */
  get(format: string): DatasetConverter {
    const converter = this.#converters.get(format);
    if (converter) return converter;
    const known = this.formats.join(', ') || 'none';
    throw new ActionError('UNKNOWN_FORMAT', `There is no format '${format}'. The formats are: ${known}.`);
  }
}
