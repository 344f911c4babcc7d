import type { ServerResponse } from 'node:http';
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Orchestrator } from '@counterstep/engine';
import { API_PREFIX, sagaUpdateSchema } from '@counterstep/protocol';
import { ApiProblems } from '../http/openapi.js';
import { requestInvalid } from '../http/problem.js';
import { EventStreams } from './event-streams.js';

@ApiTags('sagas')
@Controller(`${API_PREFIX}/sagas/:sagaId`)
export class EventsController {
  constructor(
    private readonly orchestrator: Orchestrator,
    private readonly streams: EventStreams,
  ) {}

  @Get('events')
  @ApiOperation({
    summary: 'What happens to a saga, as server-sent events',
    description:
      'First what has happened so far, then what happens, until the event `end`: then close the connection, or your client ' +
      'comes again. An event `state` is one record of the history, and its id is that record’s `seq`; between them `progress` ' +
      'tells how far the saga is and what handlers told. The data of each event are one `SagaUpdate` as JSON.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event that was seen, at whichever orchestrator: it goes on behind that.',
    schema: { type: 'integer', minimum: 0 },
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ standardSchema: sagaUpdateSchema })
  @ApiProblems(400, 404, 503)
  async events(
    @Param('sagaId') sagaId: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const after = seqOf(lastEventId);
    await this.streams.send(response, (signal) => this.orchestrator.watch(sagaId, { after, signal }));
  }
}

/** Throws `RequestError` when it is none of ours. */
function seqOf(lastEventId = ''): number {
  if (/^\d{0,9}$/.test(lastEventId)) return Number(lastEventId);
  throw requestInvalid([{ path: ['Last-Event-ID'], message: 'not the id of an event', code: 'invalid' }]);
}
