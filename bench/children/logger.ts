import type { Logger } from '@counterstep/engine';

/** Warnings and errors, from `ready` on: until its topics and groups exist, a client warns of what is as it should be. */
export function loggerSince(ready: () => boolean): Logger {
  const show = (message: string, facts?: object): void => {
    if (ready()) console.error(message, facts ?? {});
  };
  return { debug() {}, info() {}, warn: show, error: show };
}
