/** The four levels at which every part of the system tells about itself. */
export interface Logger {
  debug(message: string, facts?: Record<string, unknown>): void;
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

/**
 * A user's logger, of which nothing comes back: what it throws or rejects with must not change what it is told of.
 * Silent when there is none.
 */
export function carefully(logger?: Logger): Logger {
  const quietly =
    (level: keyof Logger) =>
    (message: string, facts?: Record<string, unknown>): void => {
      try {
        const told = logger?.[level](message, facts) as unknown;
        if (isThenable(told)) told.then(undefined, () => undefined);
      } catch {
        // There is nobody to tell.
      }
    };
  return { debug: quietly('debug'), info: quietly('info'), warn: quietly('warn'), error: quietly('error') };
}

/** An async method fits a type that returns nothing. */
function isThenable(told: unknown): told is { then(onDone: undefined, onFailed: () => void): unknown } {
  return typeof (told as { then?: unknown } | null | undefined)?.then === 'function';
}
