import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { ValidationError, mermaidOf } from '@counterstep/core';
import type { Workflow, WorkflowDescription } from '@counterstep/core';
import { Orchestrator } from '@counterstep/engine';
import { API_PREFIX, workflowBodySchema, workflowListSchema } from '@counterstep/protocol';
import type { WorkflowList } from '@counterstep/protocol';
import * as z from 'zod';
import { ApiProblems, DIAGRAM_TYPE } from '../http/openapi.js';

const versionQuerySchema = z.strictObject({
  version: z.coerce.number().int().min(1).optional().describe('The newest when it is absent.'),
});

@ApiTags('workflows')
@Controller(`${API_PREFIX}/workflows`)
export class WorkflowsController {
  constructor(private readonly orchestrator: Orchestrator) {}

  @Get()
  @ApiOperation({ summary: 'Every definition, in all its versions' })
  @ApiOkResponse({ standardSchema: workflowListSchema })
  list(): WorkflowList {
    return {
      items: this.orchestrator.getWorkflows().map((workflow) => ({
        name: workflow.name,
        version: workflow.version,
        digest: workflow.digest,
        steps: workflow.paths(),
        warnings: workflow.warnings.map(({ code, message, step }) => ({ code, message, step })),
      })),
    };
  }

  @Get(':name')
  @ApiOperation({ summary: 'A definition as data' })
  @ApiOkResponse({ standardSchema: workflowBodySchema })
  @ApiProblems(400, 404)
  get(
    @Param('name') name: string,
    @Query({ schema: versionQuerySchema }) { version }: z.infer<typeof versionQuerySchema>,
  ): WorkflowDescription {
    return this.find(name, version).toJSON();
  }

  @Get(':name/diagram')
  @ApiOperation({ summary: 'A definition as a Mermaid flowchart' })
  @ApiProduces(DIAGRAM_TYPE)
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblems(400, 404)
  @Header('Content-Type', DIAGRAM_TYPE)
  diagram(
    @Param('name') name: string,
    @Query({ schema: versionQuerySchema }) { version }: z.infer<typeof versionQuerySchema>,
  ): string {
    return mermaidOf(this.find(name, version));
  }

  private find(name: string, version: number | undefined): Workflow {
    const newest = this.orchestrator.getWorkflowDefinition(name);
    if (version === undefined || version === newest.version) return newest;
    const versions = this.orchestrator.getWorkflows().filter((workflow) => workflow.name === name);
    const found = versions.find((workflow) => workflow.version === version);
    if (found) return found;
    const known = versions.map((workflow) => workflow.version).join(', ');
    throw new ValidationError('UNKNOWN_VERSION', `${name} has no version ${version}; known are ${known}`);
  }
}
