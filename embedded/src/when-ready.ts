import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@counterstep/engine';

type Reasons = string | readonly string[];

const TELL_EVERY_MS = 5_000;

/** Resolves once nobody has a reason not to be ready; says now and then what it waits for. Rejects when `signal` aborts. */
export async function whenReady(
  parts: readonly (() => Reasons | Promise<Reasons>)[],
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let tellAt = performance.now() + TELL_EVERY_MS;
  for (;;) {
    const reasons = (await Promise.all(parts.map(async (part) => part()))).flat();
    if (reasons.length === 0) return;
    if (performance.now() > tellAt) {
      logger.warn('waiting', { reasons });
      tellAt = performance.now() + TELL_EVERY_MS;
    }
    await delay(50, undefined, { signal });
  }
}
