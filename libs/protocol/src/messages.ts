import * as z from 'zod';
import { directionSchema, sagaIdSchema } from './ids.js';

/**
 * Every message is one CloudEvents 1.0 JSON envelope in structured mode. Control fields are extension attributes (which
 * CloudEvents wants in lower case), the business payload is `data`. The major version is part of `type`; a consumer
 * quarantines a type that it does not know.
 */
export const CONTENT_TYPE = 'application/cloudevents+json';

export const COMMAND_TYPE = 'counterstep.command.v1';
export const REPLY_TYPE = 'counterstep.reply.v1';
export const HEARTBEAT_TYPE = 'counterstep.heartbeat.v1';
export const START_TYPE = 'counterstep.start.v1';
export const EVENT_TYPE = 'counterstep.saga.v1';
export const DEAD_LETTER_TYPE = 'counterstep.dead-letter.v1';
export const NOTICE_TYPE = 'counterstep.notice.v1';

/** What every message has. */
export const envelope = {
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(400),
  source: z.string().min(1).max(200),
};

export const text = z.string().min(1).max(400);

/** An error as it travels and is stored: `code` is stable and meant for machines, `message` for people. */
export const errorFactsSchema = z.object({
  code: z.string().min(1).max(100),
  message: z.string().max(2000),
});
export type ErrorFacts = z.infer<typeof errorFactsSchema>;

/** How a step ended: `rejected` promises that nothing happened, `failed` that it tried, `unknown` that nobody answered. */
export const outcomeSchema = z.enum(['succeeded', 'rejected', 'failed', 'unknown']);
export type Outcome = z.infer<typeof outcomeSchema>;

/** Which promise the worker's barrier gives: see the worker's README section on barriers. */
export const barrierModeSchema = z.enum(['transaction', 'external', 'none']);
export type BarrierMode = z.infer<typeof barrierModeSchema>;

/** What an undo handler is told: everything as it was when the action ran, whatever changed since. */
export const undoInputSchema = z.object({
  input: z.unknown(),
  output: z.unknown().optional(),
  undoData: z.unknown().optional(),
  outcome: outcomeSchema,
  cause: errorFactsSchema.optional(),
});
export type UndoInput = z.infer<typeof undoInputSchema>;

/**
 * Asks a worker to run (or undo) a step. `id` names this sending, `effectkey` the effect over all sendings. An undo
 * carries `forwardkey` and `forwardoutcome`, under which the barrier finds or buries the forward effect.
 */
export const commandSchema = z.object({
  ...envelope,
  type: z.literal(COMMAND_TYPE),
  sagaid: sagaIdSchema,
  workflow: text,
  step: text,
  direction: directionSchema,
  run: z.int().min(1),
  attempt: z.int().min(1),
  effectkey: text,
  forwardkey: text.optional(),
  forwardoutcome: outcomeSchema.optional(),
  worker: text,
  /** The mode that the definition demands; a worker in another mode refuses the command. */
  barrier: barrierModeSchema.optional(),
  /** Milliseconds until the orchestrator stops waiting for this attempt. */
  timeout: z.int().min(1),
  replytoken: z.string().max(200),
  traceparent: z.string().max(100).optional(),
  data: z.unknown(),
});
export type Command = z.infer<typeof commandSchema>;

export const replyDataSchema = z.object({
  output: z.unknown().optional(),
  undoData: z.unknown().optional(),
  error: errorFactsSchema.extend({ retryable: z.boolean().optional() }).optional(),
});
export type ReplyData = z.infer<typeof replyDataSchema>;

/** By what a worker's message names the command that it is about; `replytoken` proves that the worker was given it. */
export const ofAttempt = {
  sagaid: sagaIdSchema,
  step: text,
  direction: directionSchema,
  run: z.int().min(1),
  attempt: z.int().min(1),
  effectkey: text,
  worker: text,
  replytoken: z.string().max(200),
};

/** A worker's answer to one command. It returns the command's token, by which the orchestrator knows the worker. */
export const replySchema = z.object({
  ...envelope,
  type: z.literal(REPLY_TYPE),
  ...ofAttempt,
  outcome: z.enum(['succeeded', 'rejected', 'failed']),
  /** An undo that found nothing to undo. */
  noop: z.boolean().optional(),
  /** A forward command that came after its undo and was not run. */
  refused: z.boolean().optional(),
  /** The effect finished after its undo had begun, so it still stands. */
  late: z.boolean().optional(),
  traceparent: z.string().max(100).optional(),
  data: replyDataSchema,
});
export type Reply = z.infer<typeof replySchema>;

/**
 * A worker's sign of life while a handler runs, on the replies topic. It returns the command's token as a reply does.
 * `data.undoData` is what the compensation needs of the effect so far, and replaces what an earlier one told.
 */
export const heartbeatSchema = z.object({
  ...envelope,
  type: z.literal(HEARTBEAT_TYPE),
  ...ofAttempt,
  traceparent: z.string().max(100).optional(),
  data: z.object({ undoData: z.unknown().optional() }),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** What comes on the replies topic. */
export const workerMessageSchema = z.discriminatedUnion('type', [replySchema, heartbeatSchema]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;

/** Why nobody waits for an effect any more: its saga was cancelled, or went on without it. */
export const noticeReasonSchema = z.enum(['cancelled', 'superseded']);
export type NoticeReason = z.infer<typeof noticeReasonSchema>;

/**
 * Tells all workers of a queue that nobody waits for the effect `effectkey` any more. Advice, and no promise that it is
 * heard: what a worker does nevertheless is judged by its reply and the barrier.
 */
export const noticeSchema = z.object({
  ...envelope,
  type: z.literal(NOTICE_TYPE),
  sagaid: sagaIdSchema,
  step: text,
  direction: directionSchema,
  run: z.int().min(1),
  effectkey: text,
  reason: noticeReasonSchema,
  traceparent: z.string().max(100).optional(),
});
export type Notice = z.infer<typeof noticeSchema>;

/**
 * What a start does when its business key belongs to a saga of the same workflow. `reject`: it is refused, for good.
 * `returnExisting`: it gives that saga. `startIfClosed`: it is refused while that saga is open, and starts a new one, which
 * then has the key, once it has ended.
 */
export const businessKeyPolicySchema = z.enum(['reject', 'returnExisting', 'startIfClosed']);
export type BusinessKeyPolicy = z.infer<typeof businessKeyPolicySchema>;

/** What the saga is about, in the caller's words, such as the number of an order. */
export const businessKeySchema = z.strictObject({
  key: z.string().min(1).max(200),
  policy: businessKeyPolicySchema,
});
export type BusinessKey = z.infer<typeof businessKeySchema>;

/** Another service starts a saga by message; `source` and `id` together are the request id. */
export const startAtSchema = z.iso.datetime({ offset: true });
export const failureModeSchema = z.enum(['compensate', 'hold']);

export const startMessageSchema = z.object({
  ...envelope,
  type: z.literal(START_TYPE),
  traceparent: z.string().max(100).optional(),
  data: z.object({
    workflow: text,
    input: z.record(z.string(), z.unknown()),
    businessKey: businessKeySchema.optional(),
    startAt: startAtSchema.optional(),
    failureMode: failureModeSchema.optional(),
  }),
});
export type StartMessage = z.infer<typeof startMessageSchema>;

export const sagaStateSchema = z.enum([
  'pending',
  'running',
  'completed',
  'failed',
  'compensated',
  'cancelled',
]);
export type SagaState = z.infer<typeof sagaStateSchema>;

export const phaseSchema = z.enum(['paused', 'attention', 'cancelling', 'compensating', 'forward']);
export type Phase = z.infer<typeof phaseSchema>;

/** A public change of state. `id` is `sagaId/seq`; readers order the events of one saga by `seq`. */
export const sagaEventSchema = z.object({
  ...envelope,
  type: z.literal(EVENT_TYPE),
  time: z.iso.datetime(),
  sagaid: sagaIdSchema,
  seq: z.int().min(1),
  workflow: text,
  traceparent: z.string().max(100).optional(),
  data: z.object({
    state: sagaStateSchema,
    phase: phaseSchema,
    cause: errorFactsSchema.extend({ step: z.string().optional() }).optional(),
  }),
});
export type SagaEvent = z.infer<typeof sagaEventSchema>;

/** A message that could not be applied, kept byte for byte with the reason. */
export const deadLetterSchema = z.object({
  ...envelope,
  type: z.literal(DEAD_LETTER_TYPE),
  time: z.iso.datetime(),
  data: z.object({
    code: z.string(),
    message: z.string(),
    topic: z.string(),
    partition: z.int(),
    offset: z.string(),
    key: z.string().nullable(),
    /** Bytes of the original. */
    size: z.int().optional(),
    /** The original bytes, in base64; the first 600,000 of a larger one. */
    value: z.string(),
  }),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
