import * as z from 'zod';

/** The environment of this worker. */
export const configSchema = z.object({
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: 'a URL such as postgres://user:password@host:5432/name',
  }),
  /** `host:port`, several with commas. */
  KAFKA_BROKERS: z
    .string()
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .pipe(z.array(z.string().regex(/^[^:\s]+:\d+$/, 'host:port, several with commas')).min(1)),
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .default('counterstep'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  CONCURRENCY: z.coerce.number().int().min(1).max(200).default(10),
  /** Serves /health/live and /health/ready there; not at all when it is absent. */
  HEALTH_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  /** A charge above it is declined. */
  CREDIT_LIMIT: z.coerce.number().min(0).default(10_000),
});

export type Config = z.infer<typeof configSchema>;

/** Reads the environment. Throws one error that lists every problem. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const parsed = configSchema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`the configuration has problems:\n${problems.join('\n')}`);
}
