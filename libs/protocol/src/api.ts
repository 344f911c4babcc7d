import * as z from 'zod';
import { NAME_PATTERN, directionSchema, sagaIdSchema } from './ids.js';
import {
  businessKeySchema,
  errorFactsSchema,
  failureModeSchema,
  outcomeSchema,
  phaseSchema,
  sagaStateSchema,
  startAtSchema,
} from './messages.js';
import { categoryMetricsSchema, categoryProgressSchema, logLineSchema } from './progress.js';

/* Bodies of the REST API, for the orchestrator and its clients. The ids are the names under which OpenAPI lists them. */

const name = z.string().regex(NAME_PATTERN, { message: 'letters, digits, _, - and inner dots' });
const time = z.iso.datetime();

/** Where the API has its resources. */
export const API_PREFIX = 'api/v1';

/** The header by which a repeated start gives the saga of the first. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x20-\x7e]{1,200}$/, { message: '1 to 200 visible ASCII characters' });

export const startRequestSchema = z
  .strictObject({
    workflow: name.describe('The name of a workflow; its newest version is started.'),
    input: z.record(z.string(), z.unknown()).describe("Checked by the workflow's input schema."),
    startAt: startAtSchema.optional().describe('Nothing is sent before; until then the saga is pending.'),
    failureMode: failureModeSchema
      .optional()
      .describe('What it does when a step has failed for good: undo, or wait for a person.'),
    businessKey: businessKeySchema
      .optional()
      .describe('What the saga is about, unique within the workflow, and what to do when it is taken.'),
  })
  .meta({ id: 'StartRequest' });
export type StartRequest = z.infer<typeof startRequestSchema>;

export const startedSchema = z
  .object({
    sagaId: sagaIdSchema,
    workflow: name,
    existed: z
      .boolean()
      .describe('An earlier request with the same Idempotency-Key, or business key, had started it.'),
  })
  .meta({ id: 'Started' });
export type Started = z.infer<typeof startedSchema>;

const actor = z.string().min(1).max(200).describe('Who asks; kept in the history.');
const reason = z.string().max(500).describe('For people; kept in the history.');

export const reasonRequestSchema = z
  .strictObject({ actor: actor.optional(), reason: reason.optional() })
  .meta({ id: 'ReasonRequest' });
export type ReasonRequest = z.infer<typeof reasonRequestSchema>;

export const terminateRequestSchema = z
  .strictObject({ actor: actor.optional(), reason: reason.min(1) })
  .meta({ id: 'TerminateRequest' });
export type TerminateRequest = z.infer<typeof terminateRequestSchema>;

export const signalRequestSchema = z
  .strictObject({
    id: z.string().min(1).max(200).optional().describe('Of two signals with one id, one counts.'),
    data: z.unknown().optional(),
    actor: actor.optional(),
  })
  .meta({ id: 'SignalRequest' });
export type SignalRequest = z.infer<typeof signalRequestSchema>;

export const verbSchema = z.enum(['retry', 'skip', 'resolve', 'undo', 'giveUp', 'release']);

export const interventionRequestSchema = z
  .strictObject({
    verb: verbSchema,
    step: z.string().max(400).optional().describe('Which item is meant; needed when there are several.'),
    direction: directionSchema.optional(),
    actor,
    reason: reason.min(1),
    input: z.unknown().optional().describe('Of retry: to be sent instead.'),
    output: z.unknown().optional().describe('Of skip and resolve: what the step is taken to have given.'),
    outcome: z.enum(['succeeded', 'rejected']).optional().describe('Of resolve: what became of the effect.'),
    evidence: z.string().min(1).max(2_000).optional().describe('Of resolve: how one knows.'),
  })
  .meta({ id: 'InterventionRequest' });
export type InterventionRequest = z.infer<typeof interventionRequestSchema>;

export const causeSchema = errorFactsSchema.extend({
  step: z.string().optional(),
  attempt: z.int().optional(),
});

const attentionSchema = z.object({
  code: z.string(),
  message: z.string(),
  step: z.string().optional(),
  direction: directionSchema.optional().describe('Which attempts of the step are stuck.'),
  hold: z.literal(true).optional().describe('Nothing at all is done until it is released.'),
  since: time,
});
const interventionSchema = attentionSchema.extend({
  verbs: z.array(verbSchema).describe('What a person may do about it.'),
});

export const attemptsSchema = z
  .object({
    run: z.int(),
    attempts: z.int().describe('How often its command was sent.'),
    status: z.enum(['running', 'waiting', 'ended', 'stuck']),
    outcome: outcomeSchema.nullable(),
    error: errorFactsSchema.nullable(),
    startedAt: time,
    dueAt: time.nullable().describe('When the attempt is given up, or the next one is sent.'),
  })
  .meta({ id: 'Attempts' });

/** What is told of a step, apart from its attempts. */
export const stepShape = {
  name: z.string().describe('Its path: names, with / between them.'),
  kind: z.enum(['step', 'workflow', 'map', 'signal', 'sleep']),
  stage: z.array(z.int()).describe('Where it stands, by level; members of one group share it.'),
  skipped: z.boolean(),
  lost: z.boolean().describe('The saga went on without it.'),
  outcome: z.enum(['succeeded', 'rejected']).nullable().describe('Of what has no worker.'),
  until: time.nullable().describe('Until when it waits, if it has no worker.'),
};

/** A saga with its steps. */
export const sagaSchema = z
  .object({
    sagaId: sagaIdSchema,
    workflow: name,
    workflowVersion: z.int(),
    state: sagaStateSchema,
    phase: phaseSchema,
    currentStep: z.string().nullable(),
    currentSteps: z.array(z.string()),
    stepResults: z.record(z.string(), z.unknown()),
    steps: z.array(
      z.object({
        ...stepShape,
        forward: attemptsSchema.nullable(),
        undo: attemptsSchema.nullable(),
        progress: z.array(categoryProgressSchema).describe('How far its handler is, by category.'),
        metrics: z.array(categoryMetricsSchema),
      }),
    ),
    error: z.string().nullable(),
    cause: causeSchema.nullable(),
    progress: z.number().describe('Percent of the work that is done, with the parts of steps that run.'),
    logs: z.array(logLineSchema).describe('The last lines that its handlers logged.'),
    logsDropped: z.int().describe('Lines and figures that its handlers told and that were not kept.'),
    notUndone: z
      .array(z.string())
      .describe('Steps whose effect may stand although the saga did not complete.'),
    attention: z.array(interventionSchema).describe('What a person must look at.'),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Saga' });
export type SagaBody = z.infer<typeof sagaSchema>;

/** A saga in a list. */
export const sagaSummarySchema = z
  .object({
    sagaId: sagaIdSchema,
    workflow: name,
    workflowVersion: z.int(),
    state: sagaStateSchema,
    phase: phaseSchema,
    currentSteps: z.array(z.string()),
    cause: causeSchema.nullable(),
    attention: z.array(attentionSchema),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'SagaSummary' });
export type SagaSummary = z.infer<typeof sagaSummarySchema>;

export const sagaPageSchema = z
  .object({
    items: z.array(sagaSummarySchema),
    nextCursor: sagaIdSchema.nullable().describe('Pass it as cursor to get the next page; null at the end.'),
  })
  .meta({ id: 'SagaPage' });
export type SagaPage = z.infer<typeof sagaPageSchema>;

/* Without an id: OpenAPI lists the fields of a query one by one. */
export const sagaQuerySchema = z.strictObject({
  workflow: name.optional(),
  state: z
    .union([sagaStateSchema, z.array(sagaStateSchema)], {
      error: `expected ${sagaStateSchema.options.join(', ')}`,
    })
    .optional()
    .describe('May be repeated.'),
  attention: z.enum(['true', 'false']).optional().describe('Only those that wait for a person.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: sagaIdSchema.optional().describe('The nextCursor of the page before.'),
});
export type SagaListQuery = z.infer<typeof sagaQuerySchema>;

export const historySchema = z
  .object({
    sagaId: sagaIdSchema,
    items: z.array(
      z.object({
        seq: z.int(),
        at: time,
        event: z.string().describe('What made it, such as start, reply, deadline or cancel.'),
        facts: z.array(z.looseObject({ type: z.string() })),
      }),
    ),
  })
  .meta({ id: 'History' });
export type HistoryBody = z.infer<typeof historySchema>;

export const workflowListSchema = z
  .object({
    items: z.array(
      z.object({
        name,
        version: z.int(),
        digest: z.string(),
        steps: z.array(z.string()),
        warnings: z.array(z.object({ code: z.string(), message: z.string(), step: z.string().optional() })),
      }),
    ),
  })
  .meta({ id: 'WorkflowList' });
export type WorkflowList = z.infer<typeof workflowListSchema>;

export const scheduleListSchema = z
  .object({
    items: z.array(
      z.object({
        name,
        cron: z.string(),
        timeZone: z.string(),
        workflow: name,
        catchUp: z.int().describe('Milliseconds for which a missed tick is made good.'),
        nextTick: time.nullable(),
      }),
    ),
  })
  .meta({ id: 'ScheduleList' });
export type ScheduleList = z.infer<typeof scheduleListSchema>;

/** A definition as data; `items` are its steps and parallel groups in order. */
export const workflowBodySchema = z
  .looseObject({
    name,
    version: z.int(),
    digest: z.string(),
    inputSchema: z.unknown().optional().describe('JSON Schema of the input.'),
    items: z.array(
      z.looseObject({
        kind: z.enum(['step', 'parallel', 'workflow', 'map', 'signal', 'sleep']),
        name: z.string(),
      }),
    ),
  })
  .meta({ id: 'Workflow' });

/** An error as RFC 9457 has it; `code` is stable and meant for machines. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    problems: z
      .array(z.object({ path: z.string(), message: z.string(), code: z.string() }))
      .optional()
      .describe('Each thing wrong with the request, with the path of the field.'),
  })
  .meta({ id: 'Problem' });
export type ProblemBody = z.infer<typeof problemSchema>;
