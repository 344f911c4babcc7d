import * as z from 'zod';

const integer = (min: number, max: number): z.ZodCoercedNumber => z.coerce.number().int().min(min).max(max);

/** The environment of the orchestrator. A variable that is set to nothing counts as absent. */
export const configSchema = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'a URL such as postgres://user:password@host:5432/name' })
    .optional(),
  /** `host:port`, several with commas. */
  KAFKA_BROKERS: listOf(z.string().regex(/^[^:\s]+:\d+$/, 'host:port, several with commas')).optional(),
  PORT: integer(0, 65_535).default(3000),
  /** The address to listen on. There is no sign-in yet, so other machines are let in only on request: `0.0.0.0`. */
  HOST: z.string().min(1).default('127.0.0.1'),
  /** Of every topic and consumer group: several installations may share a broker. */
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'letters, digits, dots, _ and -')
    .default('counterstep'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** A folder of modules of workflows and schedules (`*.js`, `*.mjs`), or several folders and files with commas; default the samples. */
  WORKFLOWS: listOf(z.string()).optional(),
  /** Connections that commit. Few and full batches are cheaper than many. */
  LANES: integer(1, 32).default(1),
  /** Inputs that may wait in a lane, and transitions not yet published, before starts and signals are refused with 503. */
  MAX_BACKLOG: integer(1, 10_000_000).default(20_000),
  /** Partitions of topics that do not exist yet. */
  PARTITIONS: integer(1, 1_000).default(4),
  /** The folder of the embedded Postgres; unused with DATABASE_URL. */
  DATA_DIR: z.string().min(1).default('.counterstep'),
  BODY_LIMIT_BYTES: integer(1_024, 16 * 1_024 * 1_024).default(262_144),
});

/** What the app needs when it runs as a process of its own. */
export const serverConfigSchema = configSchema.required({ DATABASE_URL: true, KAFKA_BROKERS: true });

export type Config = z.infer<typeof configSchema>;
export type ServerConfig = z.infer<typeof serverConfigSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment. Throws one error that lists every problem. */
export function loadConfig(environment: Environment = process.env): Config {
  return parse(configSchema, environment);
}

/** As `loadConfig`; database and broker must be named. */
export function loadServerConfig(environment: Environment = process.env): ServerConfig {
  return parse(serverConfigSchema, environment);
}

function parse<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    return `  ${name}: ${given[name] === undefined ? 'is not set' : message}`;
  });
  throw new Error(`the configuration has problems:\n${[...new Set(problems)].join('\n')}`);
}

function listOf(item: z.ZodString): z.ZodPipe<z.ZodTransform<string[], string>, z.ZodArray<z.ZodString>> {
  const split = z.transform((text: string) => text.split(',').map((part) => part.trim()));
  return z.pipe(split, z.array(item.min(1)).min(1));
}
