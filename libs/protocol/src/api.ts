import * as z from 'zod';
import { errorFactsSchema, outcomeSchema, phaseSchema, sagaStateSchema } from './messages.js';
import { directionSchema, sagaIdSchema } from './ids.js';

/** Where the REST API lives; the number is its major version. */
export const API_PREFIX = '/api/v1';

/** The value of the header `Idempotency-Key`. */
export const idempotencyKeySchema = z.string().min(1).max(200);

/** The bodies of the REST API, for the orchestrator and for its clients. Times are ISO 8601. */

export const startRequestSchema = z
  .strictObject({
    workflow: z.string().min(1).max(100),
    input: z.record(z.string(), z.unknown()),
    /** Nothing is sent before; until then the saga is pending. */
    startAt: z.iso.datetime({ offset: true }).optional(),
  })
  .meta({ id: 'StartRequest' });
export type StartRequest = z.infer<typeof startRequestSchema>;

export const startedSchema = z
  .object({ sagaId: sagaIdSchema, state: sagaStateSchema })
  .meta({ id: 'Started' });
export type Started = z.infer<typeof startedSchema>;

const attemptsSchema = z.object({
  status: z.enum(['running', 'waiting', 'ended', 'stuck']),
  run: z.int(),
  attempts: z.int(),
  startedAt: z.iso.datetime(),
  outcome: outcomeSchema.nullable(),
  error: errorFactsSchema.nullable(),
  /** When the attempt's time is over, or the next attempt is sent. */
  dueAt: z.iso.datetime().nullable(),
});

const attentionSchema = z.object({
  code: z.string(),
  message: z.string(),
  step: z.string().optional(),
  hold: z.literal(true).optional(),
});

const causeSchema = errorFactsSchema.extend({ step: z.string().optional(), attempt: z.int().optional() });

export const sagaSchema = z
  .object({
    sagaId: sagaIdSchema,
    workflow: z.string(),
    workflowVersion: z.int(),
    state: sagaStateSchema,
    phase: phaseSchema,
    currentStep: z.string().nullable(),
    currentSteps: z.array(z.string()),
    stepResults: z.record(z.string(), z.unknown()),
    steps: z.array(
      z.object({
        name: z.string(),
        stage: z.int(),
        skipped: z.boolean(),
        forward: attemptsSchema.nullable(),
        undo: attemptsSchema.nullable(),
      }),
    ),
    error: z.string().nullable(),
    cause: causeSchema.nullable(),
    /** Percent. */
    progress: z.number(),
    notUndone: z.array(z.string()),
    attention: z.array(attentionSchema),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Saga' });
export type SagaBody = z.infer<typeof sagaSchema>;

export const historySchema = z
  .object({
    sagaId: sagaIdSchema,
    records: z.array(
      z.object({
        seq: z.int(),
        at: z.iso.datetime(),
        event: z.string(),
        facts: z.array(z.looseObject({ type: z.string(), direction: directionSchema.optional() })),
      }),
    ),
  })
  .meta({ id: 'History' });
export type HistoryBody = z.infer<typeof historySchema>;

/** No id: a query whose schema has one loses its parameters in the OpenAPI document. */
export const sagaQuerySchema = z.object({
  workflow: z.string().max(100).optional(),
  /** One state, or several with commas. */
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(sagaStateSchema))
    .optional(),
  /** `true`: only those that wait for a person. */
  attention: z.enum(['true', 'false']).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `nextCursor` of the page before. */
  cursor: sagaIdSchema.optional(),
});
export type SagaListQuery = z.infer<typeof sagaQuerySchema>;

export const sagaSummarySchema = z
  .object({
    sagaId: sagaIdSchema,
    workflow: z.string(),
    workflowVersion: z.int(),
    state: sagaStateSchema,
    phase: phaseSchema,
    currentSteps: z.array(z.string()),
    attention: z.array(attentionSchema),
    cause: causeSchema.nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'SagaSummary' });
export type SagaSummary = z.infer<typeof sagaSummarySchema>;

export const sagaPageSchema = z
  .object({
    items: z.array(sagaSummarySchema),
    nextCursor: sagaIdSchema.nullable(),
  })
  .meta({ id: 'SagaList' });
export type SagaPage = z.infer<typeof sagaPageSchema>;

export const cancelRequestSchema = z
  .strictObject({ reason: z.string().min(1).max(1_000).optional() })
  .optional()
  .meta({ id: 'CancelRequest' });
export type CancelRequest = z.infer<typeof cancelRequestSchema>;

export const workflowBodySchema = z
  .object({
    name: z.string(),
    version: z.int(),
    digest: z.string(),
    steps: z.array(z.string()),
    warnings: z.array(z.object({ code: z.string(), step: z.string().optional(), message: z.string() })),
  })
  .meta({ id: 'Workflow' });

export const workflowListSchema = z
  .object({
    items: z.array(workflowBodySchema),
  })
  .meta({ id: 'Workflows' });
export type WorkflowList = z.infer<typeof workflowListSchema>;

/** An error as RFC 9457 tells it, with a stable `code` and the fields concerned. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    problems: z
      .array(z.object({ code: z.string(), message: z.string(), path: z.string().optional() }))
      .optional(),
  })
  .catchall(z.unknown())
  .meta({ id: 'Problem' });
export type ProblemBody = z.infer<typeof problemSchema>;
