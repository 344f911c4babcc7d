import fc from 'fast-check';
import { ValidationError, Workflow, WorkflowBuilder } from '../src/index.js';
import type { BuildOptions, Problem } from '../src/index.js';

type Method =
  | 'addStep'
  | 'addConditionalStep'
  | 'addParallelSteps'
  | 'addWorkflow'
  | 'addMap'
  | 'waitForSignal'
  | 'waitForApproval'
  | 'sleep'
  | 'sleepUntil'
  | 'withRetryConfig'
  | 'withSagaTimeout'
  | 'withFailureMode';

/** What a user of plain JavaScript may pass, whatever the types say. */
export type Loose = Record<Method, (...args: unknown[]) => Loose> & {
  build(options?: BuildOptions): Workflow;
};

export function loose(...args: [name?: unknown, options?: unknown]): Loose {
  const [name, options] = args.length === 0 ? ['w'] : args;
  return new WorkflowBuilder(name as string, options as object) as unknown as Loose;
}

/** A workflow with one step of these options. */
export function step(options: unknown): Loose {
  return loose().addStep('a', 'q.a', options);
}

/** What `build()` says is wrong. */
export function problemsOf(builder: Loose, options?: BuildOptions): readonly Problem[] {
  try {
    builder.build(options);
  } catch (error) {
    if (error instanceof ValidationError) return error.problems;
    throw error;
  }
  return [];
}

const OPTIONS = [
  'name',
  'worker',
  'workflow',
  'over',
  'signal',
  'approval',
  'sleep',
  'sleepUntil',
  'timeout',
  'onTimeout',
  'condition',
  'compensation',
  'queue',
  'input',
  'output',
  'writes',
  'retry',
  'undoRetry',
  'attemptTimeout',
  'progressWeight',
  'barrier',
  'readOnly',
  'pivot',
  'retriable',
  'concurrency',
  'maxItems',
  'tolerate',
  'join',
  'quorum',
  'onFailure',
  'keep',
  'reducers',
  'maxRetries',
  'nonRetryableCodes',
  'version',
  'strict',
  'part',
] as const;

/** A value that fast-check cannot hold, as it looks at what it makes. */
class Awkward {
  constructor(readonly make: () => unknown) {}
}

/** Not what `fc.anything` thinks of: things that throw when one looks at them, and things that nearly fit. */
const awkward = fc.constantFrom(
  ...[
    () => Symbol('s'),
    () => 10n,
    () => () => 'fits',
    () => Object.create(null) as unknown,
    () => 'name',
    () => 'q.worker',
    () => 1,
    () => true,
    () => revoked({}),
    () => revoked([]),
    () => ({
      get worker(): never {
        throw new Error('do not look');
      },
    }),
    () => ({
      toString(): never {
        throw new Error('do not show');
      },
    }),
    () => Object.create(WorkflowBuilder.prototype) as unknown,
    () => Object.create(Workflow.prototype) as unknown,
    () => new WorkflowBuilder('child').addStep('one', 'c.one').build(),
  ].map((make) => new Awkward(make)),
);

/** A proxy that throws whatever one asks of it. */
export function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** What stands for any value, with a liking for objects that have the names of options; `real` makes the value of it. */
export const anything: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSet: true }),
    awkward,
    fc.dictionary(fc.constantFrom(...OPTIONS), tie('value'), { maxKeys: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value;

export function real(value: unknown): unknown {
  if (value instanceof Awkward) return value.make();
  if (Array.isArray(value)) return value.map(real);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, real(each)]));
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
}
