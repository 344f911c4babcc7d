import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import { DURATION_MEND, isDuration } from './options.js';
import type { Options } from './options.js';
import { shown } from './problems.js';
import { conditionIn, mapperIn } from './steps.js';
import type { ConditionOf, Made } from './steps.js';
import type { SignalWait, Sleep } from './workflow.js';

/** Options of a wait for a signal. */
export interface SignalOptions<
  Context = WorkflowContext,
  Output extends z.ZodType | undefined = z.ZodType | undefined,
  OnTimeout extends SignalWait['onTimeout'] = SignalWait['onTimeout'],
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> {
  /** What the signal is called; the name of the wait by default. Several may wait for one, each takes one. */
  readonly signal?: string;
  /** Milliseconds that it waits. */
  readonly timeout: number;
  /** `reject`, the default: the wait fails with `SIGNAL_TIMEOUT`. `continue`: the saga goes on, the result is null. */
  readonly onTimeout?: OnTimeout;
  /** Checks the signal's data; a signal that fails it is refused, and the wait goes on. */
  readonly output?: Output;
  readonly condition?: Asked;
}

/** Options of a sleep. */
export interface SleepOptions<
  Context = WorkflowContext,
  Asked extends ConditionOf<Context> = ConditionOf<Context>,
> {
  readonly condition?: Asked;
}

export const SIGNAL_OPTIONS: readonly (keyof SignalOptions)[] = [
  'signal',
  'timeout',
  'onTimeout',
  'output',
  'condition',
];
export const SLEEP_OPTIONS: readonly (keyof SleepOptions)[] = ['condition'];

export function readSignal(name: string, approval: boolean, options: Options): Made<SignalWait> {
  const signal = options.name('signal', 'BAD_SIGNAL') ?? name;
  if (!options.has('timeout'))
    options.wrong('TIMEOUT_OUT_OF_BOUNDS', 'timeout is missing: it could wait for ever', DURATION_MEND);
  const timeout = options.duration('timeout') ?? 1;
  const onTimeout = options.oneOf('onTimeout', ['reject', 'continue'], 'BAD_ON_TIMEOUT') ?? 'reject';
  const [output, condition] = [options.schema('output'), conditionIn(options)];
  const item: SignalWait = Object.freeze({
    kind: 'signal',
    name,
    signal,
    approval,
    timeout,
    onTimeout,
    ...(output && { output }),
    ...(condition && { condition }),
  });
  return () => item;
}

/** A wait of `duration` milliseconds. */
export function readSleep(name: string, duration: unknown, options: Options): Made<Sleep> {
  const condition = conditionIn(options);
  if (!isDuration(duration))
    options.wrong('SLEEP_OUT_OF_BOUNDS', `it sleeps for ${shown(duration)}`, DURATION_MEND);
  const item: Sleep = Object.freeze({
    kind: 'sleep',
    name,
    duration: isDuration(duration) ? duration : 1,
    ...(condition && { condition }),
  });
  return () => item;
}

/** A wait for the date that the option `until` gives. */
export function readSleepUntil(name: string, options: Options): Made<Sleep> {
  const [condition, until] = [conditionIn(options), mapperIn('sleepUntil', options)];
  if (!options.has('sleepUntil'))
    options.wrong('NOT_A_FUNCTION', 'the date is missing', 'pass (context) => date');
  const item: Sleep = Object.freeze({
    kind: 'sleep',
    name,
    ...(until && { until }),
    ...(condition && { condition }),
  });
  return () => item;
}
