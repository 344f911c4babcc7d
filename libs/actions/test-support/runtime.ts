import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ActionRuntime } from '../src/runtime.js';
import type { Storage, StoredFile } from '../src/storage.js';

type Values = Readonly<Record<string, unknown>>;

/** A runtime that keeps what it is told. */
export interface RecordingRuntime extends ActionRuntime {
  readonly logs: { event: string; data: Values }[];
  readonly progress: [current: number, total: number, category: string | undefined][];
  readonly metrics: [values: Values, category: string | undefined][];
}

/** With the ports given. */
export function recording(ports: Partial<ActionRuntime> = {}): RecordingRuntime {
  const [logs, progress, metrics]: [
    RecordingRuntime['logs'],
    RecordingRuntime['progress'],
    RecordingRuntime['metrics'],
  ] = [[], [], []];
  return {
    env: {},
    client: {
      uploadFile: () => Promise.reject(new Error('there is no client')),
      deleteFile: () => Promise.reject(new Error('there is no client')),
    },
    log: (event, data) => void logs.push({ event, data }),
    setProgress: (current, total, category) => void progress.push([current, total, category]),
    setMetrics: (values, category) => void metrics.push([values, category]),
    ...ports,
    logs,
    progress,
    metrics,
  };
}

/** A storage in memory. */
export class MemoryStorage implements Storage {
  readonly files = new Map<string, Buffer>();

  constructor(files: Readonly<Record<string, Buffer | string>> = {}) {
    for (const [key, content] of Object.entries(files)) this.files.set(key, Buffer.from(content));
  }

  async write(key: string, content: Readable): Promise<StoredFile> {
    const bytes = await buffer(content);
    this.files.set(key, bytes);
    return { key, size: bytes.length };
  }

  async read(key: string): Promise<Readable> {
    const bytes = this.files.get(key);
    if (!bytes) throw new Error(`there is no file '${key}'`);
    return Readable.from([bytes]);
  }

  async delete(key: string): Promise<void> {
    this.files.delete(key);
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.files.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}
