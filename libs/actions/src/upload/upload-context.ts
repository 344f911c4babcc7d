import { rm } from 'node:fs/promises';
import { BaseStepContext } from '@counterstep/steps';
import type { ActionRuntime } from '../runtime.js';
import type { Storage } from '../storage.js';
import type { DataCollection, DataUnit, FileSpecification, Project, UnitFile } from './upload-backend.js';
import type { UploadParams } from './upload-params.js';

/** A local file that is to be uploaded. */
export interface SourceFile {
  readonly path: string;
  /** The path below the folder that was given, with `/` between its parts. */
  readonly relativePath: string;
  /** The file specification whose folder it is from; null in mode `single`, where the path tells. */
  readonly specification: string | null;
  /** Bytes. */
  readonly size: number;
}

/** The files of one data unit, by the name of their file specification. */
export type OrganizedUnit = Readonly<Record<string, SourceFile>>;

/** A data unit as it will be: each file with the key that it gets in the storage. */
export interface PlannedUnit {
  readonly name: string;
  readonly files: Readonly<Record<string, UnitFile & { readonly source: SourceFile }>>;
}

export interface UploadedFile extends UnitFile {
  /** The data unit, and the file specification, that it is of. */
  readonly unit: string;
  readonly specification: string;
  readonly source: SourceFile;
}

export interface MetadataResult {
  /** Rows that are not empty, without the titles. */
  readonly rows: number;
  /** Data units that got metadata. */
  readonly matched: number;
  /** Rows that name no file of this upload: the number of the row, and the name. */
  readonly unmatched: readonly { readonly row: number; readonly name: string }[];
}

/** What the steps of an upload share. A field is null, or empty, until the step that it is listed under has run. */
export class UploadContext extends BaseStepContext {
  // initialize
  storage: Storage | null = null;
  project: Project | null = null;
  dataCollection: DataCollection | null = null;
  /** Of this run only: it is in every key in the storage, and the backend knows what was written by it. */
  uploadId: string | null = null;

  // validate_files
  files: readonly SourceFile[] = [];

  // analyze_collection
  collectionMetadata: DataCollection['metadata'] | null = null;
  collectionStructure: readonly FileSpecification[] | null = null;

  // organize_files
  /** By the data units' names. A step between this one and `generate_data_units` may put other files in their place. */
  organizedFiles: Readonly<Record<string, OrganizedUnit>> = {};
  /** A temporary folder for files that steps make, such as smaller images. It is removed when the run ends. */
  workFolder: string | null = null;

  // generate_data_units
  dataUnits: readonly PlannedUnit[] = [];

  // upload_files
  uploadedFiles: readonly UploadedFile[] = [];
  /** As the backend created them, in the order of `dataUnits`. */
  createdUnits: readonly DataUnit[] = [];

  // process_metadata
  metadataResult: MetadataResult | null = null;

  constructor(
    override readonly runtimeCtx: ActionRuntime,
    readonly params: UploadParams,
  ) {
    super(runtimeCtx);
  }

  /** Removes the temporary files of the run, if there are any. */
  async removeWorkFolder(): Promise<void> {
    if (this.workFolder !== null) await rm(this.workFolder, { recursive: true, force: true });
    this.workFolder = null;
  }
}
