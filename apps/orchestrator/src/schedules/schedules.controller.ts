import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Orchestrator } from '@counterstep/engine';
import { API_PREFIX, scheduleListSchema } from '@counterstep/protocol';
import type { ScheduleList } from '@counterstep/protocol';

@ApiTags('schedules')
@Controller(`${API_PREFIX}/schedules`)
export class SchedulesController {
  constructor(private readonly orchestrator: Orchestrator) {}

  @Get()
  @ApiOperation({ summary: 'What starts sagas by the clock, with the next tick of each' })
  @ApiOkResponse({ standardSchema: scheduleListSchema })
  list(): ScheduleList {
    return {
      items: this.orchestrator.getSchedules().map(({ nextTick, ...schedule }) => ({
        ...schedule,
        nextTick: nextTick?.toISOString() ?? null,
      })),
    };
  }
}
