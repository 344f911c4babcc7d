import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { StepRegistry } from '@counterstep/steps';
import { BaseStep, StepResult } from '@counterstep/steps';
import type { Row } from 'write-excel-file/node';
import writeSheet from 'write-excel-file/node';
import { MemoryBackend } from '../src/backend/memory-backend.js';
import type { Storage, StoredFile } from '../src/storage.js';
import { LocalFolderStorage } from '../src/storage/local-folder.js';
import type { FileSpecification } from '../src/upload/upload-backend.js';
import { UploadAction } from '../src/upload/upload-action.js';
import type { UploadContext } from '../src/upload/upload-context.js';
import type { RecordingRuntime } from './runtime.js';
import { recording } from './runtime.js';

/** A storage in a folder, in whose way a test may be. */
export class WatchedStorage implements Storage {
  readonly #storage: LocalFolderStorage;
  /** Called before each write, with the number of writes of this key so far. */
  beforeWrite: (key: string, attempt: number, signal?: AbortSignal) => Promise<void> | void = () => {};
  beforeDelete: (key: string) => Promise<void> | void = () => {};
  readonly attempts = new Map<string, number>();
  writing = 0;
  mostWriting = 0;

  constructor(readonly folder: string) {
    this.#storage = new LocalFolderStorage(folder);
  }

  async write(key: string, content: Readable, signal?: AbortSignal): Promise<StoredFile> {
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempt);
    this.writing += 1;
    this.mostWriting = Math.max(this.mostWriting, this.writing);
    try {
      await this.beforeWrite(key, attempt, signal);
      return await this.#storage.write(key, content, signal);
    } finally {
      this.writing -= 1;
    }
  }
  async read(key: string): Promise<Readable> {
    return this.#storage.read(key);
  }
  async delete(key: string): Promise<void> {
    await this.beforeDelete(key);
    await this.#storage.delete(key);
  }
  async list(prefix: string): Promise<string[]> {
    return this.#storage.list(prefix);
  }
}

export const IMAGE: FileSpecification = { name: 'image', required: true, extensions: ['.jpg', '.png'] };
export const LABEL: FileSpecification = { name: 'label', required: false, extensions: ['.json'] };

/** The world of an upload: a folder with files, a storage in another folder, and a backend in memory. */
export class UploadWorld {
  readonly storage: WatchedStorage;
  readonly backend: MemoryBackend;
  readonly runtime: RecordingRuntime;
  readonly source: string;

  constructor(
    readonly home: string,
    fileSpecifications: readonly FileSpecification[] = [IMAGE, LABEL],
  ) {
    this.source = join(home, 'source');
    this.storage = new WatchedStorage(join(home, 'storage'));
    const metadata = { season: 'autumn' };
    this.backend = new MemoryBackend({
      projects: [
        { id: 1, name: 'Streets', configuration: {} },
        { id: 2, name: 'Fields', configuration: {} },
      ],
      collections: [{ id: 7, name: 'Photos', projectId: 1, metadata, fileSpecifications }],
    });
    this.runtime = recording({ storage: this.storage, backend: this.backend, env: { TMPDIR: home } });
  }

  /** Writes files below the source folder. */
  async given(files: Readonly<Record<string, Buffer | string>>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.source, path)), { recursive: true });
      await writeFile(join(this.source, path), content);
    }
  }

  /** Writes an .xlsx file beside the source folder. */
  async sheet(rows: readonly (readonly (boolean | Date | number | string | null)[])[]): Promise<string> {
    const path = join(this.home, 'metadata.xlsx');
    const cells = rows.map((row) =>
      row.map((value) => (value instanceof Date ? { value, type: Date, format: 'yyyy-mm-dd' } : { value })),
    );
    await writeSheet(cells as Row[]).toFile(path);
    return path;
  }

  params(more: object = {}): Record<string, unknown> {
    const own = 'assets' in more ? {} : { path: this.source };
    return { project: 1, dataCollection: 7, firstRetryDelayMs: 1, ...own, ...more };
  }

  /** Everything in the storage, by the path behind the folder of the upload. */
  async stored(): Promise<Record<string, string>> {
    const keys = await this.storage.list('');
    const entries = await Promise.all(
      keys.map(
        async (key) => [afterUpload(key), String(await buffer(await this.storage.read(key)))] as const,
      ),
    );
    return Object.fromEntries(entries);
  }

  /** What an upload that was undone has left anywhere; nothing, if all is well. */
  async leftBehind(): Promise<string[]> {
    const inStorage = await readdir(this.storage.folder).catch(() => []);
    const units = this.backend.uploads.dataUnits(7).map(({ name }) => `data unit ${name}`);
    return [...inStorage, ...units, ...(await workFolders(this.home))];
  }
}

export const afterUpload = (key: string): string => key.split('/').slice(3).join('/');

const workFolders = async (home: string) =>
  (await readdir(home)).filter((name) => name.startsWith('counterstep-upload-'));

/** Does the work in a world of its own, whose temporary files are in its home too. */
export async function inWorld(
  work: (world: UploadWorld) => Promise<void>,
  ...specifications: FileSpecification[]
): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'counterstep-test-'));
  try {
    await work(new UploadWorld(home, specifications.length > 0 ? specifications : undefined));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

type Change = (registry: StepRegistry<UploadContext>) => void;

/** An upload whose steps are changed by the test, and whose context it can see. */
export class TestUpload extends UploadAction {
  context: UploadContext | undefined;
  change: Change = () => {};

  override setupSteps(registry: StepRegistry<UploadContext>): void {
    super.setupSteps(registry);
    this.change(registry);
  }
  override createContext(): UploadContext {
    this.context = super.createContext();
    return this.context;
  }
}

/** A step that does what it is told. */
export class Told extends BaseStep<UploadContext> {
  readonly progressWeight: number = 0;
  constructor(
    readonly name: string,
    readonly work: (context: UploadContext) => unknown,
  ) {
    super();
  }
  async execute(context: UploadContext): Promise<StepResult> {
    await this.work(context);
    return new StepResult();
  }
}

export const failing = (name: string): Told =>
  new Told(name, () => {
    throw new Error('on purpose');
  });
