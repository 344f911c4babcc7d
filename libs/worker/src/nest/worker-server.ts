import { Inject, Injectable } from '@nestjs/common';
import { Server, type AsyncMicroserviceOptions, type CustomTransportStrategy } from '@nestjs/microservices';
import { createWorker, type Worker, type WorkerHealth, type WorkerOptions } from '../create-worker.js';
import { HandlerExplorer } from './handler-explorer.js';

export const WORKER_OPTIONS = Symbol('counterstep:worker-options');

/** The options of `createWorker`; the handlers are found among the application's providers. */
export type WorkerModuleOptions = Omit<WorkerOptions, 'handlers'>;

/** The transport of Nest over our Bus: it serves all `@StepHandler` and `@CompensationHandler` methods. */
@Injectable()
export class WorkerServer extends Server implements CustomTransportStrategy {
  readonly #options: WorkerModuleOptions;
  readonly #explorer: HandlerExplorer;
  #worker: Worker | undefined;

  constructor(@Inject(WORKER_OPTIONS) options: WorkerModuleOptions, explorer: HandlerExplorer) {
    super();
    this.transportId = Symbol.for('counterstep');
    this.#options = options;
    this.#explorer = explorer;
  }

  /** Starts the worker; `app.listen()` resolves or rejects with it. A database that is away is waited for. */
  listen(callback: (error?: unknown) => void): void {
    this.#start().then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  /** Drains: what runs ends and is answered. The bus and the database belong to whoever made them. */
  async close(): Promise<void> {
    await this.#worker?.stop();
  }

  health(): WorkerHealth {
    return this.#worker?.health() ?? { ready: false, reason: 'not started', inFlight: 0 };
  }

  override on(): never {
    throw new TypeError('the worker has no events; ask health()');
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the signature is Nest's.
  override unwrap<T>(): T {
    return this.#worker as T;
  }

  async #start(): Promise<void> {
    this.#worker = createWorker({ ...this.#options, handlers: this.#explorer.explore() });
    await this.#worker.start();
  }
}

/**
 * The second argument of `NestFactory.createMicroservice`, and of `app.connectMicroservice` with `{ inheritAppConfig: true }`,
 * for an application that imports `WorkerModule`.
 */
export function workerTransport(): AsyncMicroserviceOptions {
  return { inject: [WorkerServer], useFactory: (strategy: WorkerServer) => ({ strategy }) };
}
