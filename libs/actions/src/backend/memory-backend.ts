import type { MemoryDatasetsSeed } from '../dataset/memory-datasets.js';
import { MemoryDatasets } from '../dataset/memory-datasets.js';
import type { MemoryExportsSeed } from '../export/memory-exports.js';
import { MemoryExports } from '../export/memory-exports.js';
import type { MemoryTasksSeed } from '../tasks/memory-tasks.js';
import { MemoryTasks } from '../tasks/memory-tasks.js';
import type { MemoryUploadsSeed } from '../upload/memory-uploads.js';
import { MemoryUploads } from '../upload/memory-uploads.js';
import type { DataBackend } from './data-backend.js';

/** What a `MemoryBackend` knows from the beginning. */
export type MemoryBackendSeed = MemoryDatasetsSeed & MemoryExportsSeed & MemoryTasksSeed & MemoryUploadsSeed;

/** A data backend in memory, for tests. */
export class MemoryBackend implements Required<DataBackend> {
  readonly uploads: MemoryUploads;
  readonly exports: MemoryExports;
  readonly tasks: MemoryTasks;
  readonly datasets: MemoryDatasets;

  constructor(seed: MemoryBackendSeed = {}) {
    this.uploads = new MemoryUploads(seed);
    this.exports = new MemoryExports(seed);
    this.tasks = new MemoryTasks(seed);
    this.datasets = new MemoryDatasets(seed);
  }
}
