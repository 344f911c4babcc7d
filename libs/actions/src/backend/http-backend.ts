import type { DatasetBackend } from '../dataset/dataset-backend.js';
import { HttpDatasets } from '../dataset/http-datasets.js';
import type { ExportBackend } from '../export/export-backend.js';
import { HttpExports } from '../export/http-exports.js';
import { HttpTasks } from '../tasks/http-tasks.js';
import type { TaskBackend } from '../tasks/task-backend.js';
import { HttpUploads } from '../upload/http-uploads.js';
import type { UploadBackend } from '../upload/upload-backend.js';
import type { DataBackend } from './data-backend.js';
import type { HttpBackendOptions } from './http-connection.js';
import { HttpConnection } from './http-connection.js';

/** The data backend over HTTP and JSON. Nothing is opened before the first request, and nothing has to be closed. */
export class HttpBackend implements Required<DataBackend> {
  readonly uploads: UploadBackend;
  readonly exports: ExportBackend;
  readonly tasks: TaskBackend;
  readonly datasets: DatasetBackend;

  /** @throws BackendError `BACKEND_REFUSED` when `baseUrl` is none. */
  constructor(options: HttpBackendOptions) {
    const http = new HttpConnection(options);
    this.uploads = new HttpUploads(http);
    this.exports = new HttpExports(http);
    this.tasks = new HttpTasks(http);
    this.datasets = new HttpDatasets(http);
  }
}
