/** The worker was set up wrongly: no handlers, two of one name, no queue, no database. */
export class WorkerConfigError extends Error {
  readonly code = 'WORKER_CONFIG';
  readonly retryable = false;
  constructor(message: string) {
    super(message);
    this.name = 'WorkerConfigError';
  }
}
