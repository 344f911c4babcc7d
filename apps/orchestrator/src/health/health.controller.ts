import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { Orchestrator } from '@counterstep/engine';
import { Readiness } from './readiness.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly orchestrator: Orchestrator,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  @ApiOkResponse({ description: 'Always.' })
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Database migrated and reachable, bus joined' })
  @ApiOkResponse({ description: 'It works.' })
  @ApiServiceUnavailableResponse({ description: 'It does not; `reasons` says why.' })
  async ready(@Res({ passthrough: true }) response: ServerResponse): Promise<object> {
    const reasons = await this.readiness.reasons();
    response.statusCode = reasons.length === 0 ? 200 : 503;
    const { backlog, deadLetters } = this.orchestrator.health();
    return { status: reasons.length === 0 ? 'ready' : 'not ready', reasons, backlog, deadLetters };
  }
}
