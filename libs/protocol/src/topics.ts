/** The largest message a bus takes, in bytes of key, value and headers together: the `max.message.bytes` of our topics. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** The topics of one installation; `prefix` keeps several installations on one broker apart. */
export interface Topics {
  commands(queue: string): string;
  notices(queue: string): string;
  readonly replies: string;
  readonly starts: string;
  readonly events: string;
  readonly progress: string;
  readonly deadLetters: string;
}

export function topicsOf(prefix: string): Topics {
  return {
    commands: (queue) => `${prefix}.commands.${queue}`,
    notices: (queue) => `${prefix}.notices.${queue}`,
    replies: `${prefix}.replies`,
    starts: `${prefix}.starts`,
    events: `${prefix}.events`,
    progress: `${prefix}.progress`,
    deadLetters: `${prefix}.dead-letters`,
  };
}

/** The queue of a worker: the part before the first dot, or the whole name when there is none. */
export function queueOf(worker: string): string {
  const dot = worker.indexOf('.');
  return dot === -1 ? worker : worker.slice(0, dot);
}
