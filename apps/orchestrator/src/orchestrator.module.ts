import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { Orchestrator, type Logger } from '@counterstep/engine';
import { WorkflowsController } from './definitions/workflows.controller.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { ProblemFilter } from './http/problem.filter.js';
import { RequestPipe } from './http/request.pipe.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { EventStreams, type StreamLimits } from './sagas/event-streams.js';
import { EventsController } from './sagas/events.controller.js';
import { ExplanationsController } from './sagas/explanations.controller.js';
import { RequestsController } from './sagas/requests.controller.js';
import { SagasController } from './sagas/sagas.controller.js';
import { SchedulesController } from './schedules/schedules.controller.js';

@Module({})
export class OrchestratorModule {
  static with(
    orchestrator: Orchestrator,
    readiness: Readiness,
    logger: Logger,
    streams?: Partial<StreamLimits>,
  ): DynamicModule {
    return {
      module: OrchestratorModule,
      controllers: [
        SagasController,
        RequestsController,
        ExplanationsController,
        EventsController,
        WorkflowsController,
        SchedulesController,
        HealthController,
        MetricsController,
      ],
      providers: [
        { provide: Orchestrator, useValue: orchestrator },
        { provide: Readiness, useValue: readiness },
        { provide: EventStreams, useValue: new EventStreams(logger, streams) },
        { provide: APP_PIPE, useValue: new RequestPipe() },
        { provide: APP_FILTER, useValue: new ProblemFilter(logger) },
      ],
    };
  }
}
