import { refusal } from '../backend/errors.js';
import type {
  DataCollection,
  DataUnit,
  FileSpecification,
  NewDataUnit,
  Project,
  UnitMetadata,
  UploadBackend,
} from './upload-backend.js';

export interface MemoryUploadsSeed {
  readonly projects?: readonly Project[];
  readonly collections?: readonly (DataCollection & {
    readonly fileSpecifications: readonly FileSpecification[];
  })[];
}

/** What was written under one key; `deleted` stays, so that a late request finds it. */
type Written<T> = { readonly what: T } | 'deleted';

/** The part for uploads in memory, for tests. What it gives and takes are copies. */
export class MemoryUploads implements UploadBackend {
  readonly #seed: MemoryUploadsSeed;
  readonly #units = new Map<string, Written<{ asked: string; units: DataUnit[] }>>();
  readonly #metadata = new Map<string, Written<readonly UnitMetadata[]>>();
  #lastId = 0;

  constructor(seed: MemoryUploadsSeed = {}) {
    this.#seed = structuredClone(seed);
  }

  /** The data units that there are now. */
  dataUnits(collectionId: number): DataUnit[] {
    const units = valuesOf(this.#units, collectionId).flatMap((written) => written.units);
    return structuredClone(units);
  }

  /** What metadata says of a data unit. */
  metadataOf(collectionId: number, dataUnitId: number): UnitMetadata['values'] {
    const entries = valuesOf(this.#metadata, collectionId).flat();
    const values = entries.filter((entry) => entry.dataUnitId === dataUnitId).map((entry) => entry.values);
    return Object.assign({}, ...values) as UnitMetadata['values'];
  }

  async project(id: number): Promise<Project> {
    const found = this.#seed.projects?.find((project) => project.id === id);
    if (!found) throw refusal(404, `there is no project ${id}`);
    return structuredClone(found);
  }

  async dataCollection(id: number): Promise<DataCollection> {
    const { fileSpecifications: _, ...collection } = this.#collection(id);
    return structuredClone(collection);
  }

  async fileSpecifications(collectionId: number): Promise<FileSpecification[]> {
    return structuredClone([...this.#collection(collectionId).fileSpecifications]);
  }

  async createDataUnits(
    collectionId: number,
    key: string,
    asked: readonly NewDataUnit[],
  ): Promise<DataUnit[]> {
    const { fileSpecifications } = this.#collection(collectionId);
    const before = this.#units.get(keyOf(collectionId, key));
    if (before === 'deleted') throw refusal(409, `the data units '${key}' were deleted`);
    if (before && before.what.asked !== JSON.stringify(asked)) {
      throw refusal(409, `'${key}' was used for other data units`);
    }
    if (before) return structuredClone(before.what.units);
    const names = new Set(fileSpecifications.map(({ name }) => name));
    const unknown = asked.flatMap(({ files }) => Object.keys(files)).find((name) => !names.has(name));
    if (unknown !== undefined) throw refusal(422, `the collection has no file specification '${unknown}'`);
    const units = asked.map((unit) => ({ id: (this.#lastId += 1), ...structuredClone(unit) }));
    this.#units.set(keyOf(collectionId, key), { what: { asked: JSON.stringify(asked), units } });
    return structuredClone(units);
  }

  async deleteDataUnits(collectionId: number, key: string): Promise<void> {
    this.#units.set(keyOf(collectionId, key), 'deleted');
  }

  async saveMetadata(collectionId: number, key: string, metadata: readonly UnitMetadata[]): Promise<void> {
    this.#collection(collectionId);
    if (this.#metadata.get(keyOf(collectionId, key)) === 'deleted') {
      throw refusal(409, `the metadata '${key}' was deleted`);
    }
    const ids = new Set(this.dataUnits(collectionId).map(({ id }) => id));
    const unknown = metadata.find(({ dataUnitId }) => !ids.has(dataUnitId));
    if (unknown) throw refusal(422, `the collection has no data unit ${unknown.dataUnitId}`);
    this.#metadata.set(keyOf(collectionId, key), { what: structuredClone(metadata) });
  }

  async deleteMetadata(collectionId: number, key: string): Promise<void> {
    this.#metadata.set(keyOf(collectionId, key), 'deleted');
  }

  #collection(id: number) {
    const found = this.#seed.collections?.find((collection) => collection.id === id);
    if (!found) throw refusal(404, `there is no data collection ${id}`);
    return found;
  }
}

const keyOf = (collectionId: number, key: string) => `${collectionId}/${key}`;

function valuesOf<T>(written: ReadonlyMap<string, Written<T>>, collectionId: number): T[] {
  const mine = [...written].filter(([key]) => key.startsWith(`${collectionId}/`));
  return mine.flatMap(([, value]) => (value === 'deleted' ? [] : [value.what]));
}
