import { MemoryBackend } from '../src/backend/memory-backend.js';
import type { MemoryExportsSeed } from '../src/export/memory-exports.js';
import type { RecordingRuntime } from './runtime.js';
import { MemoryStorage, recording } from './runtime.js';

/** Three assignments of project 1, of which two are done; their originals are in the storage. */
export const streets: Required<MemoryExportsSeed> = {
  projects: [{ id: 1, name: 'Streets', configuration: { classes: ['car'] } }],
  records: [
    {
      projectId: 1,
      target: 'assignment',
      id: 11,
      files: [{ name: 'one.jpg', key: 'k/1' }],
      data: { status: 'done', cars: 1 },
    },
    {
      projectId: 1,
      target: 'assignment',
      id: 12,
      files: [{ name: 'two.jpg', key: 'k/2' }],
      data: { status: 'done', cars: 2 },
    },
    { projectId: 1, target: 'assignment', id: 13, files: [], data: { status: 'open', cars: 0 } },
    { projectId: 1, target: 'task', id: 7, files: [], data: { label: 'tree' } },
  ],
};

export const originals = { 'k/1': 'bytes of one', 'k/2': 'bytes of two' };

export const exportRuntime = (
  seed: MemoryExportsSeed = streets,
  files: Readonly<Record<string, string>> = originals,
): RecordingRuntime => recording({ backend: new MemoryBackend(seed), storage: new MemoryStorage(files) });
