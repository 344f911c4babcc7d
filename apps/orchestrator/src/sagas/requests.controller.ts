import { Body, Controller, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Asked } from '@counterstep/core';
import { Orchestrator } from '@counterstep/engine';
import {
  API_PREFIX,
  interventionRequestSchema,
  reasonRequestSchema,
  sagaSchema,
  signalRequestSchema,
  terminateRequestSchema,
} from '@counterstep/protocol';
import type {
  InterventionRequest,
  ReasonRequest,
  SagaBody,
  SignalRequest,
  TerminateRequest,
} from '@counterstep/protocol';
import { ApiProblems } from '../http/openapi.js';
import { sagaBody } from './bodies.js';
import { checkedKey } from './checked-key.js';

/** Answers to what people and services ask of a saga: 202 once it is committed, with the saga as it is then. */
@ApiTags('sagas')
@Controller(`${API_PREFIX}/sagas/:sagaId`)
export class RequestsController {
  constructor(private readonly orchestrator: Orchestrator) {}

  @Post('cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Undo a saga; answered before the undo ends. Refused past its pivot' })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async cancel(
    @Param('sagaId') sagaId: string,
    @Body({ schema: reasonRequestSchema.default({}) }) asked: ReasonRequest,
  ): Promise<SagaBody> {
    await this.orchestrator.cancelWorkflow(sagaId, withActor(asked));
    return this.saga(sagaId);
  }

  @Post('terminate')
  @HttpCode(202)
  @ApiOperation({ summary: 'End a saga at once, without undo; it lists the effects that may stand' })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async terminate(
    @Param('sagaId') sagaId: string,
    @Body({ schema: terminateRequestSchema }) asked: TerminateRequest,
  ): Promise<SagaBody> {
    await this.orchestrator.terminate(sagaId, withActor(asked));
    return this.saga(sagaId);
  }

  @Post('pause')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send nothing until it is resumed; replies are applied' })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async pause(
    @Param('sagaId') sagaId: string,
    @Body({ schema: reasonRequestSchema.default({}) }) asked: ReasonRequest,
  ): Promise<SagaBody> {
    await this.orchestrator.pause(sagaId, withActor(asked));
    return this.saga(sagaId);
  }

  @Post('resume')
  @HttpCode(202)
  @ApiOperation({ summary: 'Go on after a pause' })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async resume(
    @Param('sagaId') sagaId: string,
    @Body({ schema: reasonRequestSchema.default({}) }) asked: ReasonRequest,
  ): Promise<SagaBody> {
    await this.orchestrator.resume(sagaId, withActor(asked));
    return this.saga(sagaId);
  }

  @Post('signals/:name')
  @HttpCode(202)
  @ApiOperation({ summary: 'Say what the saga waits for, or will wait for: early signals are kept' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The id of the signal, unless the body has one: the same id counts once.',
    schema: { type: 'string', maxLength: 200 },
  })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async signal(
    @Param('sagaId') sagaId: string,
    @Param('name') name: string,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: signalRequestSchema.default({}) }) { id, data, actor }: SignalRequest,
  ): Promise<SagaBody> {
    const signalId = id ?? (key === undefined ? undefined : checkedKey(key));
    await this.orchestrator.signal(sagaId, name, {
      ...(signalId !== undefined && { id: signalId }),
      ...(data !== undefined && { data }),
      ...(actor !== undefined && { actor }),
    });
    return this.saga(sagaId);
  }

  @Post('interventions')
  @HttpCode(202)
  @ApiOperation({ summary: 'Decide what the saga asks a person; `attention` lists the verbs that it allows' })
  @ApiAcceptedResponse({ standardSchema: sagaSchema })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async intervene(
    @Param('sagaId') sagaId: string,
    @Body({ schema: interventionRequestSchema }) request: InterventionRequest,
  ): Promise<SagaBody> {
    const { verb, actor, reason, input, output, step, direction, outcome, evidence } = request;
    await this.orchestrator.intervene(sagaId, {
      verb,
      actor,
      reason,
      ...(step !== undefined && { step }),
      ...(direction && { direction }),
      ...(input !== undefined && { input }),
      ...(output !== undefined && { output }),
      ...(outcome && { outcome }),
      ...(evidence !== undefined && { evidence }),
    });
    return this.saga(sagaId);
  }

  private async saga(sagaId: string): Promise<SagaBody> {
    return sagaBody(await this.orchestrator.getStatus(sagaId));
  }
}

/** Nobody is asked for their name yet, so who gives none is the API. */
function withActor({ actor = 'api', reason }: ReasonRequest): Asked {
  return { actor, ...(reason !== undefined && { reason }) };
}
