import { parse } from 'node:path';
import type { ExportBackend, ExportRecord, OriginalFile } from './export-backend.js';
import type { ExportParams } from './export-params.js';

/** One thing to export, on its way through the hooks. */
export interface ExportItem {
  readonly id: number | string;
  /** The data file is `NAME.json`. */
  readonly name: string;
  readonly files: readonly OriginalFile[];
  /** What the data file will hold; must be JSON. */
  readonly data: unknown;
}

/** Knows one target: how to get its records, and what to export of each. */
export interface TargetHandler {
  readonly target: string;
  count(backend: ExportBackend, params: ExportParams, signal?: AbortSignal): Promise<number>;
  results(backend: ExportBackend, params: ExportParams, signal?: AbortSignal): AsyncIterable<ExportRecord>;
  itemOf(record: ExportRecord): ExportItem;
}

/** A target whose records the backend has under that name. The item is named as its first file, or after target and id. */
export class BackendTarget implements TargetHandler {
  constructor(readonly target: string) {}

  async count(
    backend: ExportBackend,
    { project, filter }: ExportParams,
    signal?: AbortSignal,
  ): Promise<number> {
    return backend.countRecords(project, this.target, filter, signal);
  }

  results(
    backend: ExportBackend,
    { project, filter }: ExportParams,
    signal?: AbortSignal,
  ): AsyncIterable<ExportRecord> {
    return backend.records(project, this.target, filter, signal);
  }

  itemOf({ id, files, data }: ExportRecord): ExportItem {
    const [first] = files;
    const name = parse(first?.name ?? '').name;
    return { id, name: name || `${this.target}_${id}`, files, data };
  }
}
