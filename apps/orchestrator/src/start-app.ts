import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Bus } from '@counterstep/bus';
import { ValidationError, type Workflow } from '@counterstep/core';
import { Orchestrator, type Logger, type Schedule, type Store } from '@counterstep/engine';
import { carefully } from '@counterstep/protocol';
import { Readiness } from './health/readiness.js';
import { jsonBody } from './http/json-body.js';
import { serveOpenApi } from './http/openapi.js';
import { securityHeaders } from './http/security-headers.js';
import { NestLogger } from './logging/nest-logger.js';
import { OrchestratorModule } from './orchestrator.module.js';
import type { StreamLimits } from './sagas/event-streams.js';

export interface AppOptions {
  readonly workflows: readonly Workflow[];
  readonly schedules?: readonly Schedule[];
  readonly bus: Bus;
  readonly store: Store;
  readonly logger: Logger;
  /** Brings the store to this version before it is opened; repeated until it succeeds. */
  readonly migrate?: () => Promise<void>;
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  /** Default 262,144. */
  readonly bodyLimitBytes?: number;
  readonly topicPrefix?: string;
  readonly partitions?: number;
  readonly lanes?: number;
  readonly maxBacklog?: number;
  /** Streams of events at a time; see `Orchestrator`. */
  readonly maxWatchers?: number;
  readonly streams?: Partial<StreamLimits>;
}

export interface StartedApp {
  /** Where the API is, without a slash at the end. */
  readonly url: string;
  readonly orchestrator: Orchestrator;
  /** Resolves once the store is open and sagas run; rejects when that cannot be, or when it is stopped before. */
  readonly opened: Promise<void>;
  /** Empty when it is ready. */
  reasonsNotReady(): Promise<string[]>;
  /** Not ready from now on; answers the requests under way, finishes what was begun, closes the store. The bus stays open. */
  stop(): Promise<void>;
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * Serves the API at once, and works as soon as the database is there: until then it is not ready and refuses starts with
 * 503. Rejects when the definitions contradict each other or a schedule is bad (`ValidationError`) or the port cannot be had.
 */
export async function startApp(given: AppOptions): Promise<StartedApp> {
  const options = { ...given, logger: carefully(given.logger) };
  const {
    bus,
    store,
    logger,
    workflows,
    schedules = [],
    topicPrefix,
    partitions,
    lanes,
    maxBacklog,
  } = options;
  const { maxWatchers, streams } = options;
  const orchestrator = new Orchestrator({
    workflows,
    schedules,
    eventBus: bus,
    stateStore: store,
    logger,
    ...(topicPrefix !== undefined && { topicPrefix }),
    ...(partitions !== undefined && { partitions }),
    ...(lanes !== undefined && { lanes }),
    ...(maxBacklog !== undefined && { maxBacklog }),
    ...(maxWatchers !== undefined && { maxWatchers }),
  });
  const readiness = new Readiness(orchestrator, store);
  const app = await NestFactory.create<NestExpressApplication>(
    OrchestratorModule.with(orchestrator, readiness, logger, streams),
    { bodyParser: false, abortOnError: false, logger: new NestLogger(logger) },
  );
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.useBodyParser('raw', { type: () => true, limit: options.bodyLimitBytes ?? 262_144 });
  app.use(jsonBody);
  serveOpenApi(app);
  await app.listen(options.port, options.host);
  const stopping = new AbortController();
  const opened = open(orchestrator, readiness, options, stopping.signal);
  // Whoever wants to know awaits it; nobody must.
  opened.catch(() => undefined);
  return {
    url: (await app.getUrl()).replace('[::1]', 'localhost'),
    orchestrator,
    opened,
    reasonsNotReady: () => readiness.reasons(),
    stop: async () => {
      readiness.stopping();
      stopping.abort();
      await app.close();
      await opened.catch(() => undefined);
      await orchestrator.stop();
    },
  };
}

/** Waits for a database that is away. What no waiting mends is thrown. */
async function open(
  orchestrator: Orchestrator,
  readiness: Readiness,
  { migrate, logger }: AppOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await migrate?.();
      await orchestrator.start();
      readiness.waitingFor = undefined;
      logger.info('the database is open and sagas run', { workflows: orchestrator.getWorkflows().length });
      return;
    } catch (error) {
      if (error instanceof ValidationError) throw error;
      const reason = error instanceof Error ? error.message || error.name : String(error);
      readiness.waitingFor = 'the database cannot be reached or migrated';
      logger.warn('waiting for the database', { tries: tries + 1, error: reason });
      await delay(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** tries), undefined, { signal });
    }
  }
}
