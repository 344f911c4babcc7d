import { z } from 'zod';

/** What the parent hands to the processes it measures. */
const schema = z.object({
  DATABASE_URL: z.string(),
  KAFKA_BROKERS: z.string(),
  TOPIC_PREFIX: z.string(),
  WORKLOAD: z.string(),
  /** `memory`: the worker is in the orchestrator's process. */
  BUS: z.enum(['kafka', 'memory']),
  PARTITIONS: z.coerce.number().int(),
  LANES: z.coerce.number().int(),
  BARRIER: z.enum(['transaction', 'external', 'none']),
  /** Handlers that the worker runs at the same time. */
  CONCURRENCY: z.coerce.number().int(),
});

export type BenchConfig = z.infer<typeof schema>;

export function readConfig(): BenchConfig {
  return schema.parse(process.env);
}

const echoSchema = schema
  .pick({ KAFKA_BROKERS: true, TOPIC_PREFIX: true })
  .extend({ ROLE: z.enum(['ask', 'answer']) });

/** The same for the two sides of the echo. */
export function readEchoConfig(): z.infer<typeof echoSchema> {
  return echoSchema.parse(process.env);
}
