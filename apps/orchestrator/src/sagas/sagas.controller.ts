import type { ServerResponse } from 'node:http';
import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Orchestrator } from '@counterstep/engine';
import {
  API_PREFIX,
  historySchema,
  sagaPageSchema,
  sagaQuerySchema,
  sagaSchema,
  startRequestSchema,
  startedSchema,
} from '@counterstep/protocol';
import type {
  HistoryBody,
  SagaBody,
  SagaListQuery,
  SagaPage,
  StartRequest,
  Started,
} from '@counterstep/protocol';
import { ApiProblems } from '../http/openapi.js';
import { historyBody, sagaBody, sagaPage } from './bodies.js';
import { checkedKey } from './checked-key.js';

@ApiTags('sagas')
@Controller(`${API_PREFIX}/sagas`)
export class SagasController {
  constructor(private readonly orchestrator: Orchestrator) {}

  @Post()
  @ApiOperation({ summary: 'Start a saga; once answered it is committed and will be finished or undone' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The same key with the same body gives the same saga; with another body it is refused.',
    schema: { type: 'string', maxLength: 200 },
  })
  @ApiCreatedResponse({
    standardSchema: startedSchema,
    headers: { Location: { schema: { type: 'string' } } },
  })
  @ApiOkResponse({
    standardSchema: startedSchema,
    description: 'It was started before: by the same request, or for the same business key.',
  })
  @ApiProblems(400, 404, 409, 413, 415, 503)
  async start(
    @Body({ schema: startRequestSchema })
    { workflow, input, startAt, businessKey, failureMode }: StartRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Headers('traceparent') traceparent: string | undefined,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<Started> {
    const { sagaId, existed } = await this.orchestrator.startSaga(workflow, input, {
      ...(key !== undefined && { requestId: checkedKey(key) }),
      ...(startAt !== undefined && { startAt: new Date(startAt) }),
      ...(businessKey && { businessKey }),
      ...(failureMode && { failureMode }),
      ...(isTrace(traceparent) && { traceparent }),
    });
    response.statusCode = existed ? 200 : 201;
    response.setHeader('Location', `/${API_PREFIX}/sagas/${sagaId}`);
    return { sagaId, workflow, existed };
  }

  @Get()
  @ApiOperation({ summary: 'Sagas, the newest first, in pages' })
  @ApiOkResponse({ standardSchema: sagaPageSchema })
  @ApiProblems(400, 503)
  async list(@Query({ schema: sagaQuerySchema }) query: SagaListQuery): Promise<SagaPage> {
    const { workflow, state, attention, limit, cursor } = query;
    const rows = await this.orchestrator.list({
      ...(workflow !== undefined && { workflow }),
      ...(state !== undefined && { states: [state].flat() }),
      ...(attention === 'true' && { attention: true }),
      ...(cursor !== undefined && { before: cursor }),
      // One more than asked for tells whether there is another page.
      limit: limit + 1,
    });
    return sagaPage(rows, limit);
  }

  @Get(':sagaId')
  @ApiOperation({ summary: 'A saga with its steps' })
  @ApiOkResponse({ standardSchema: sagaSchema })
  @ApiProblems(404, 503)
  async get(@Param('sagaId') sagaId: string): Promise<SagaBody> {
    return sagaBody(await this.orchestrator.getStatus(sagaId));
  }

  @Get(':sagaId/history')
  @ApiOperation({ summary: 'What happened to a saga, in order' })
  @ApiOkResponse({ standardSchema: historySchema })
  @ApiProblems(404, 503)
  async history(@Param('sagaId') sagaId: string): Promise<HistoryBody> {
    return historyBody(sagaId, await this.orchestrator.getHistory(sagaId));
  }
}

/** W3C Trace Context, level 1; what is none is no reason to refuse a start. */
function isTrace(header: string | undefined): header is string {
  return header !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header);
}
