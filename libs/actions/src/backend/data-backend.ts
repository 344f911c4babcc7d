import type { DatasetBackend } from '../dataset/dataset-backend.js';
import type { ExportBackend } from '../export/export-backend.js';
import type { TaskBackend } from '../tasks/task-backend.js';
import type { UploadBackend } from '../upload/upload-backend.js';

/** The service that knows projects and data. Each built-in action uses one part of it; leave out the parts that are not used. */
export interface DataBackend {
  readonly uploads?: UploadBackend;
  readonly exports?: ExportBackend;
  readonly tasks?: TaskBackend;
  readonly datasets?: DatasetBackend;
}
