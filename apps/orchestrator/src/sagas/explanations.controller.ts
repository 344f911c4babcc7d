import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Explanation, UndoPreview } from '@counterstep/core';
import { Orchestrator } from '@counterstep/engine';
import { API_PREFIX, explanationSchema, undoPreviewSchema } from '@counterstep/protocol';
import { ApiProblems, DIAGRAM_TYPE } from '../http/openapi.js';

/** What people ask about one saga: why it waits, what an undo would be, how it looks. */
@ApiTags('sagas')
@Controller(`${API_PREFIX}/sagas/:sagaId`)
export class ExplanationsController {
  constructor(private readonly orchestrator: Orchestrator) {}

  @Get('explanation')
  @ApiOperation({ summary: 'Why a saga waits, or how it ended, in sentences and as data' })
  @ApiOkResponse({ standardSchema: explanationSchema })
  @ApiProblems(404, 503)
  explanation(@Param('sagaId') sagaId: string): Promise<Explanation> {
    return this.orchestrator.explain(sagaId);
  }

  @Get('undo-preview')
  @ApiOperation({
    summary: 'What would be undone if the saga failed now, in its order, and what could not be',
  })
  @ApiOkResponse({ standardSchema: undoPreviewSchema })
  @ApiProblems(404, 503)
  undoPreview(@Param('sagaId') sagaId: string): Promise<UndoPreview> {
    return this.orchestrator.previewUndo(sagaId);
  }

  @Get('diagram')
  @ApiOperation({ summary: 'How far a saga is, as a Mermaid flowchart' })
  @ApiProduces(DIAGRAM_TYPE)
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblems(404, 503)
  @Header('Content-Type', DIAGRAM_TYPE)
  diagram(@Param('sagaId') sagaId: string): Promise<string> {
    return this.orchestrator.diagram(sagaId);
  }
}
