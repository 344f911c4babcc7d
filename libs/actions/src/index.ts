export { BaseAction } from './base-action.js';
export { registerAction, runAction } from './run-action.js';
export type { ActionClass } from './run-action.js';
export { needed } from './needed.js';
export { backendOf, portOf } from './runtime.js';
export type { ActionRuntime } from './runtime.js';
export { ActionError } from './errors.js';
export type { ActionErrorCode } from './errors.js';

export { StorageError, checkKey } from './storage.js';
export type { Storage, StorageErrorCode, StoredFile } from './storage.js';
export { LocalFolderStorage } from './storage/local-folder.js';
export { S3Storage } from './storage/s3.js';
export type { S3StorageOptions } from './storage/s3.js';

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
export type { FileErrorCode, MadeFolder } from './files.js';

export { DatasetAction } from './dataset/dataset-action.js';
export type { DatasetSummary } from './dataset/dataset-action.js';
export { DatasetContext } from './dataset/dataset-context.js';
export { DatasetOperation, datasetParamsSchema } from './dataset/dataset-params.js';
export type { ConvertDatasetParams, DatasetParams, ExportDatasetParams } from './dataset/dataset-params.js';
export { ConvertDatasetStep } from './dataset/convert-dataset-step.js';
export { ExportDatasetStep } from './dataset/export-dataset-step.js';
export type { DatasetBackend, DatasetHead, StoredImage } from './dataset/dataset-backend.js';
export { ConverterRegistry } from './dataset/converter.js';
export type { DatasetConverter, ReadDataset } from './dataset/converter.js';
export type { Box, Dataset, DatasetAnnotation, DatasetImage } from './dataset/dataset.js';
export { DatasetFolder } from './dataset/dataset-folder.js';
export type { Loss } from './dataset/losses.js';
export { CocoConverter } from './dataset/coco.js';
export { dmConverter } from './dataset/dm.js';
export { yoloConverter } from './dataset/yolo.js';

export { BaseExportAction, DefaultExportAction } from './export/export-action.js';
export type { ExportSummary } from './export/export-action.js';
export { ExportContext } from './export/export-context.js';
export type { ExportFailure, OutputPaths } from './export/export-context.js';
export { exportParamsSchema } from './export/export-params.js';
export type { ExportParams } from './export/export-params.js';
export type { Exporter } from './export/exporter.js';
export type { ExportBackend, ExportFilter, ExportRecord, OriginalFile } from './export/export-backend.js';
export { ExportInitializeStep } from './export/initialize-step.js';
export { FetchResultsStep } from './export/fetch-results-step.js';
export { PrepareExportStep } from './export/prepare-export-step.js';
export { ConvertDataStep } from './export/convert-data-step.js';
export { SaveFilesStep } from './export/save-files-step.js';
export type { FilesSaved } from './export/save-files-step.js';
export { ExportFinalizeStep } from './export/finalize-step.js';
export type { ErrorListWritten } from './export/finalize-step.js';
export type { Source } from './export/source.js';
export type { Spool } from './export/spool.js';
export { BackendTarget } from './export/target-handler.js';
export type { ExportItem, TargetHandler } from './export/target-handler.js';

export { AddTaskDataAction } from './tasks/add-task-data-action.js';
export type { AddTaskDataSummary } from './tasks/add-task-data-action.js';
export { AddTaskDataContext } from './tasks/add-task-data-context.js';
export type { Annotator, TaskAnnotation, TaskPrediction } from './tasks/add-task-data-context.js';
export { AddTaskDataMethod, addTaskDataParamsSchema } from './tasks/add-task-data-params.js';
export type { AddTaskDataParams, FileParams, InferenceParams } from './tasks/add-task-data-params.js';
export { LoadAnnotationsStep, ProcessTasksStep, ValidateFileStep } from './tasks/file-steps.js';
export { FormatResultsStep, LoadModelStep, RunInferenceStep } from './tasks/inference-steps.js';
export { UploadAnnotationsStep } from './tasks/upload-annotations-step.js';
export type { AnnotationsWritten, WrittenAnnotation } from './tasks/upload-annotations-step.js';
export { LinearModel, LinearModelLoader } from './tasks/linear-model.js';
export type { LinearModelFile } from './tasks/linear-model.js';
export type { Model, ModelLoader } from './tasks/model.js';
export type { Annotation, AnnotationData, Task, TaskBackend } from './tasks/task-backend.js';

export { BaseTrainAction } from './train/train-action.js';
export type { TrainResult } from './train/train-action.js';
export { TrainContext } from './train/train-context.js';

export { BaseUploadAction, UploadAction } from './upload/upload-action.js';
export type { UploadResult, UploadSummary } from './upload/upload-action.js';
export { UploadContext } from './upload/upload-context.js';
export type {
  MetadataResult,
  OrganizedUnit,
  PlannedUnit,
  SourceFile,
  UploadedFile,
} from './upload/upload-context.js';
export { uploadParamsSchema } from './upload/upload-params.js';
export type { UploadParams } from './upload/upload-params.js';
export { UploadInitializeStep } from './upload/initialize-step.js';
export { ValidateFilesStep } from './upload/validate-files-step.js';
export { AnalyzeCollectionStep } from './upload/analyze-collection-step.js';
export { OrganizeFilesStep } from './upload/organize-files-step.js';
export { GenerateDataUnitsStep } from './upload/generate-data-units-step.js';
export { UploadFilesStep } from './upload/upload-files-step.js';
export type { UploadWritten } from './upload/written.js';
export { ProcessMetadataStep } from './upload/process-metadata-step.js';
export type { MetadataSaved } from './upload/process-metadata-step.js';
