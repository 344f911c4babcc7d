import { NonRetryable, StepRejected } from '@counterstep/core';
import type { InProcessContext, InProcessHandler } from '@counterstep/engine';
import { waitFor } from '../../support/wait-for.js';
import type { Outside } from './scenario.js';

/* What the handlers of the scenarios do. */

export const quick = { initialDelay: 5, jitter: 'none' } as const;
export const once = { maxRetries: 0 };
export const twice = { maxRetries: 1, ...quick };

export const nothing: InProcessHandler = () => undefined;
export const give =
  (output: unknown): InProcessHandler =>
  () =>
    output;
export const refuse = (code: string) => (): Promise<never> =>
  Promise.reject(new StepRejected({ code, message: `${code} it is` }));
export const giveUp = (code: string) => (): Promise<never> =>
  Promise.reject(new NonRetryable({ code, message: `${code} for good` }));
export const lose = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('the line is dead'), { code: 'LINE_DEAD' }));

/** Fails so often, then gives the output. */
export const failing = (times: number, output?: unknown): InProcessHandler => {
  let left = times;
  return () => ((left -= 1) >= 0 ? lose() : output);
};

/** Ends only when nobody waits for it any more. */
export const untilAborted = (_input: unknown, { signal }: InProcessContext): Promise<never> =>
  new Promise((_, reject) => {
    const end = () => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });

/** Tells that it lives, and then nothing any more. */
export const hang = async (_input: unknown, { heartbeat }: InProcessContext): Promise<never> => {
  await heartbeat();
  return new Promise(() => undefined);
};

export const reaches = async (saga: Outside, step: string, status?: string): Promise<void> => {
  await waitFor(
    async () => {
      const { currentSteps, steps } = await saga.status();
      const found = steps.find(({ name }) => name === step);
      return currentSteps.includes(step) && (status === undefined || found?.forward?.status === status);
    },
    { what: `the saga is at ${step}`, everyMs: 5 },
  );
};
