import { z } from 'zod';

/** What the parent hands to the processes it measures. */
const schema = z.object({
  DATABASE_URL: z.string(),
  KAFKA_BROKERS: z.string(),
  TOPIC_PREFIX: z.string(),
  PARTITIONS: z.coerce.number().int().default(4),
  LANES: z.coerce.number().int().default(1),
  IN_FLIGHT: z.coerce.number().int().default(64),
  SAGAS: z.coerce.number().int().default(5_000),
  WARM_UP: z.coerce.number().int().default(500),
  BARRIER: z.enum(['transaction', 'external', 'none']).default('transaction'),
});

export type BenchConfig = z.infer<typeof schema>;

export function readConfig(): BenchConfig {
  return schema.parse(process.env);
}
