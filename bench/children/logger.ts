import type { Logger } from '@counterstep/engine';

/**
 * Errors only, and from `ready` on: until topics and groups exist a client warns of what is as it should be, and later a
 * worker warns of every failure that the workload wants.
 */
export function loggerSince(ready: () => boolean): Logger {
  return {
    debug() {},
    info() {},
    warn() {},
    error(message, facts) {
      if (ready()) console.error(message, facts ?? {});
    },
  };
}
