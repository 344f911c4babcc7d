import * as z from 'zod';
import { directionSchema } from './ids.js';
import { envelope, ofAttempt } from './messages.js';

/* What handlers tell while they run: how far they are, figures, lines of a log. Seen by people, and by nothing that decides. */

export const PROGRESS_TYPE = 'counterstep.progress.v1';

/** What one message may hold. A worker keeps to it; what does not is thrown away unread. */
export const PROGRESS_LIMITS = Object.freeze({
  /** Bytes of the whole message. */
  message: 65_536,
  /** Categories of progress, and of metrics. */
  categories: 16,
  /** Lines of the log. */
  logs: 50,
  /** Bytes of the JSON of the values of one category, or of the data of one line. */
  json: 2_048,
  /** UTF-16 units of the name of a category or a file. */
  name: 400,
  /** UTF-16 units of the event of a line. */
  event: 200,
});

const name = z.string().min(1).max(PROGRESS_LIMITS.name);
const event = z.string().min(1).max(PROGRESS_LIMITS.event);
const time = z.iso.datetime();
const values = z.record(z.string(), z.unknown());

/**
 * What a handler told since the message before: of each category the last value, the lines of its log, and how many lines and
 * values were dropped. It returns the command's token, as a reply does. `origin` is the process that tells, and `number`
 * counts its messages: of two from one origin the greater is the later.
 */
export const progressMessageSchema = z.object({
  ...envelope,
  type: z.literal(PROGRESS_TYPE),
  time,
  ...ofAttempt,
  origin: z.string().min(1).max(100),
  number: z.int().min(1),
  traceparent: z.string().max(100).optional(),
  data: z.object({
    progress: z
      .array(z.object({ category: name, current: z.number().min(0), total: z.number().min(0) }))
      .max(PROGRESS_LIMITS.categories)
      .optional(),
    metrics: z
      .array(z.object({ category: name, values }))
      .max(PROGRESS_LIMITS.categories)
      .optional(),
    logs: z
      .array(z.object({ at: time, event, data: values, file: name.optional() }))
      .max(PROGRESS_LIMITS.logs)
      .optional(),
    dropped: z.int().min(0).optional(),
  }),
});
export type ProgressMessage = z.infer<typeof progressMessageSchema>;

/* The same, as the API shows it. */

export const categoryProgressSchema = z
  .object({
    category: z.string().describe("The step's path, unless the handler named another."),
    current: z.number(),
    total: z.number(),
    at: time,
  })
  .meta({ id: 'CategoryProgress' });

export const categoryMetricsSchema = z
  .object({ category: z.string(), values: z.record(z.string(), z.unknown()), at: time })
  .meta({ id: 'CategoryMetrics' });

export const logLineSchema = z
  .object({
    at: time.describe("By the worker's clock."),
    step: z.string(),
    direction: directionSchema,
    attempt: z.int(),
    event: z.string(),
    data: z.record(z.string(), z.unknown()),
    file: z.string().nullable(),
  })
  .meta({ id: 'LogLine' });
