import * as z from 'zod';
import { attemptsSchema, causeSchema, stepShape } from './api.js';
import { directionSchema, sagaIdSchema } from './ids.js';
import { phaseSchema, sagaStateSchema } from './messages.js';
import { categoryMetricsSchema, categoryProgressSchema, logLineSchema } from './progress.js';

/* What `GET /sagas/:id/events` tells, each as the JSON data of one server-sent event that bears its type. */

export const stateUpdateSchema = z
  .object({
    type: z.literal('state'),
    sagaId: sagaIdSchema,
    seq: z.int().describe('Of the record in the history, and the id of the event.'),
    at: z.iso.datetime(),
    event: z.string().describe('What made it, such as start, reply, deadline or cancel.'),
    state: sagaStateSchema,
    phase: phaseSchema,
    cause: causeSchema.nullable(),
    steps: z
      .array(z.object({ ...stepShape, forward: attemptsSchema.nullable(), undo: attemptsSchema.nullable() }))
      .describe('The steps that it concerns, as they are after it.'),
  })
  .meta({ id: 'StateUpdate' });

export const progressUpdateSchema = z
  .object({
    type: z.literal('progress'),
    sagaId: sagaIdSchema,
    progress: z.number().describe('Percent of the work that is done.'),
    currentSteps: z.array(z.string()),
    steps: z
      .array(
        z.object({
          step: z.string(),
          direction: directionSchema,
          run: z.int(),
          attempt: z.int(),
          progress: z.array(categoryProgressSchema),
          metrics: z.array(categoryMetricsSchema),
        }),
      )
      .describe('What their handlers told since the event before: of each category the last.'),
    logs: z.array(logLineSchema).describe('Lines that are new.'),
    logsDropped: z.int(),
  })
  .meta({ id: 'ProgressUpdate' });

export const endUpdateSchema = z
  .object({ type: z.literal('end'), sagaId: sagaIdSchema, state: sagaStateSchema })
  .meta({ id: 'EndUpdate' });

export const sagaUpdateSchema = z
  .discriminatedUnion('type', [stateUpdateSchema, progressUpdateSchema, endUpdateSchema])
  .meta({ id: 'SagaUpdate' });
export type SagaUpdateBody = z.infer<typeof sagaUpdateSchema>;
