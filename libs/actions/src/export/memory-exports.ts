import { refusal } from '../backend/errors.js';
import type { Project } from '../upload/upload-backend.js';
import type { ExportBackend, ExportFilter, ExportRecord } from './export-backend.js';

export interface MemoryExportsSeed {
  readonly projects?: readonly Project[];
  readonly records?: readonly (ExportRecord & { readonly projectId: number; readonly target: string })[];
}

/** The part for exports in memory, for tests. What it gives are copies. */
export class MemoryExports implements ExportBackend {
  readonly #seed: MemoryExportsSeed;

  constructor(seed: MemoryExportsSeed = {}) {
    this.#seed = structuredClone(seed);
  }

  async project(id: number): Promise<Project> {
    const found = this.#seed.projects?.find((project) => project.id === id);
    if (!found) throw refusal(404, `there is no project ${id}`);
    return structuredClone(found);
  }

  async countRecords(projectId: number, target: string, filter: ExportFilter): Promise<number> {
    return this.#find(projectId, target, filter).length;
  }

  async *records(projectId: number, target: string, filter: ExportFilter): AsyncIterable<ExportRecord> {
    yield* structuredClone(this.#find(projectId, target, filter));
  }

  #find(projectId: number, target: string, filter: ExportFilter): ExportRecord[] {
    if (!this.#seed.projects?.some(({ id }) => id === projectId)) {
      throw refusal(404, `there is no project ${projectId}`);
    }
    const found = (this.#seed.records ?? []).filter(
      (record) =>
        record.projectId === projectId &&
        record.target === target &&
        Object.entries(filter).every(([field, value]) => record.data[field] === value),
    );
    return found.map(({ id, files, data }) => ({ id, files, data })).sort((a, b) => a.id - b.id);
  }
}
