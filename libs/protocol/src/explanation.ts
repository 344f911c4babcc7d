import * as z from 'zod';
import { directionSchema, sagaIdSchema } from './ids.js';
import { errorFactsSchema, outcomeSchema, phaseSchema, sagaStateSchema } from './messages.js';

/* Bodies of the REST API that say why a saga waits and what its undo would be. */

const time = z.iso.datetime();

export const explanationSchema = z
  .object({
    sagaId: sagaIdSchema,
    state: sagaStateSchema,
    phase: phaseSchema,
    text: z.string().describe('Why it waits, or how it ended, in one sentence.'),
    reasons: z
      .array(
        z.looseObject({
          kind: z.enum([
            'ended',
            'paused',
            'attention',
            'undoing',
            'pivotDecides',
            'startsAt',
            'stalled',
            'signal',
            'sleep',
            'command',
            'retry',
            'deadline',
            'hangs',
          ]),
          text: z.string().describe('The reason in one sentence.'),
          step: z.string().nullable().optional(),
          direction: directionSchema.nullable().optional(),
          dueAt: time.nullable().optional().describe('When it is over without a message.'),
          until: time.optional(),
          since: time.optional(),
          worker: z.string().nullable().optional(),
          attempt: z.int().optional(),
          of: z.int().nullable().optional().describe('How many attempts there may be.'),
          error: errorFactsSchema.nullable().optional(),
          verbs: z.array(z.string()).optional().describe('What a person may do.'),
        }),
      )
      .min(1),
  })
  .meta({ id: 'Explanation' });
export type ExplanationBody = z.infer<typeof explanationSchema>;

export const undoPreviewSchema = z
  .object({
    verdict: z
      .enum(['wouldUndo', 'undoing', 'pivotDecides', 'pastPivot', 'ended'])
      .describe('What a failure, or a cancel, would lead to now.'),
    text: z.string(),
    asksFirst: z.boolean().describe('A failure is put to a person first.'),
    stages: z
      .array(
        z.array(
          z.object({
            step: z.string(),
            compensation: z.string(),
            outcome: outcomeSchema.nullable(),
            status: z.enum(['planned', 'running', 'waiting', 'stuck']),
          }),
        ),
      )
      .describe('In the order of the undo; the members of one stage are undone at the same time.'),
    notUndone: z
      .array(z.object({ step: z.string(), code: z.string(), text: z.string() }))
      .describe('Effects that may stand and that no undo removes.'),
    awaited: z
      .array(z.object({ step: z.string(), worker: z.string(), until: time.nullable() }))
      .describe('What is out, and is waited for before the undo begins.'),
  })
  .meta({ id: 'UndoPreview' });
export type UndoPreviewBody = z.infer<typeof undoPreviewSchema>;
