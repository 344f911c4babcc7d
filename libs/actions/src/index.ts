export { BaseAction } from './base-action.js';
export { registerAction, runAction } from './run-action.js';
export type { ActionClass } from './run-action.js';
export { backendOf, portOf } from './runtime.js';
export type { ActionRuntime } from './runtime.js';
export type { Storage, StoredFile } from './storage.js';
export { ActionError } from './errors.js';
export type { ActionErrorCode } from './errors.js';

export type { DataBackend } from './backend/data-backend.js';
export { HttpBackend } from './backend/http-backend.js';
export type { HttpBackendOptions } from './backend/http-connection.js';
export { MemoryBackend } from './backend/memory-backend.js';
export type { MemoryBackendSeed } from './backend/memory-backend.js';
export { BackendError } from './backend/errors.js';
export type { BackendErrorCode } from './backend/errors.js';

export type {
  DataCollection,
  DataUnit,
  FileSpecification,
  NewDataUnit,
  Project,
  UnitFile,
  UnitMetadata,
  UploadBackend,
} from './upload/upload-backend.js';

export { FileError } from './files.js';
export type { FileErrorCode } from './files.js';
export { ConverterRegistry } from './dataset/converter.js';
export type { DatasetConverter, ReadDataset } from './dataset/converter.js';
export type { Box, Dataset, DatasetAnnotation, DatasetImage } from './dataset/dataset.js';
export { DatasetFolder } from './dataset/dataset-folder.js';
export type { Loss } from './dataset/losses.js';
export { CocoConverter } from './dataset/coco.js';
export { dmConverter } from './dataset/dm.js';
export { yoloConverter } from './dataset/yolo.js';
