/** What kafkajs throws: an error whose reason may lie deep in its causes. */
interface KafkaFailure {
  name?: string;
  type?: string;
  message?: string;
  cause?: unknown;
  errors?: unknown[];
}

/** The protocol's name of the error (`MESSAGE_TOO_LARGE`), from the error or one of its causes. */
export function typeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; depth < 10 && typeof at === 'object' && at !== null; depth++) {
    const { type, cause, errors } = at as KafkaFailure;
    if (typeof type === 'string') return type;
    at = cause ?? errors?.[0];
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the broker will say again however often it is asked, with the code that we report. */
const REFUSALS: Readonly<Record<string, string>> = {
  MESSAGE_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  INVALID_RECORD: 'INVALID_RECORD',
  INVALID_TIMESTAMP: 'INVALID_RECORD',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'INVALID_RECORD',
  POLICY_VIOLATION: 'POLICY_VIOLATION',
  TOPIC_AUTHORIZATION_FAILED: 'TOPIC_AUTHORIZATION_FAILED',
};

/** The code under which the messages are refused; undefined when trying again may help. */
export function refusalOf(error: unknown): string | undefined {
  const type = typeOf(error);
  return type === undefined ? undefined : REFUSALS[type];
}

/** The topic is not there, as far as this client's metadata say; they may be stale. */
export function isUnknownTopic(error: unknown): boolean {
  const type = typeOf(error);
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'INVALID_TOPIC_EXCEPTION';
}

const DEFINITE = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

/** The broker has answered and will not change its mind. */
export function isDefinite(error: unknown): boolean {
  const type = typeOf(error);
  return type !== undefined && DEFINITE.has(type);
}
