import { z } from 'zod';

/** What the parent hands to the processes it measures. */
const schema = z.object({
  DATABASE_URL: z.string(),
  KAFKA_BROKERS: z.string(),
  TOPIC_PREFIX: z.string(),
  WORKLOAD: z.string(),
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
