import * as z from 'zod';
import { errorFactsSchema, outcomeSchema, phaseSchema, sagaStateSchema } from './messages.js';
import { directionSchema, sagaIdSchema } from './ids.js';

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

export const startResponseSchema = z
  .object({ sagaId: sagaIdSchema, state: sagaStateSchema })
  .meta({ id: 'StartResponse' });
export type StartResponse = z.infer<typeof startResponseSchema>;

const attemptsSchema = z.object({
  status: z.enum(['running', 'waiting', 'ended', 'stuck']),
  run: z.int(),
  attempt: z.int(),
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

export const sagaResponseSchema = z
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
        step: z.string(),
        /** False when its condition was false: it is skipped. */
        taken: z.boolean(),
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
export type SagaResponse = z.infer<typeof sagaResponseSchema>;

export const historyResponseSchema = z
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
export type HistoryResponse = z.infer<typeof historyResponseSchema>;

/** No id: a query whose schema has one loses its parameters in the OpenAPI document. */
export const listQuerySchema = z.object({
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
export type ListQuery = z.infer<typeof listQuerySchema>;

export const listResponseSchema = z
  .object({
    items: z.array(
      z.object({
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
      }),
    ),
    nextCursor: sagaIdSchema.nullable(),
  })
  .meta({ id: 'SagaList' });
export type ListResponse = z.infer<typeof listResponseSchema>;

export const cancelRequestSchema = z
  .strictObject({ reason: z.string().min(1).max(1_000).optional() })
  .optional()
  .meta({ id: 'CancelRequest' });
export type CancelRequest = z.infer<typeof cancelRequestSchema>;

export const workflowsResponseSchema = z
  .object({
    items: z.array(
      z.object({
        name: z.string(),
        version: z.int(),
        digest: z.string(),
        steps: z.array(z.string()),
        warnings: z.array(z.object({ code: z.string(), step: z.string().optional(), message: z.string() })),
      }),
    ),
  })
  .meta({ id: 'Workflows' });
export type WorkflowsResponse = z.infer<typeof workflowsResponseSchema>;

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
export type ProblemResponse = z.infer<typeof problemSchema>;
