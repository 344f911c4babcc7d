import fc from 'fast-check';
import * as z from 'zod';
import { isPlain, loose } from './loose-builder.js';
import type { Loose } from './loose-builder.js';
import type { Workflow } from '../src/index.js';

/** What to build, without names: those are given in the order of building, so that each is its own. */
type Plan =
  | { kind: 'step'; options: Record<string, unknown>; undo: 'compensation' | 'readOnly' | 'none' }
  | { kind: 'workflow'; options: object; child: Plan[]; settings: Settings }
  | { kind: 'map'; options: object; body: Plan }
  | { kind: 'signal'; approval: boolean; options: object }
  | { kind: 'sleep'; until: boolean; duration: number; options: object };
type ItemPlan = Plan | { kind: 'group'; members: Plan[]; failFast: boolean; options: object };
interface Settings {
  timeout?: number | undefined;
  hold: boolean;
  version: number;
}

const yes = (): unknown => true;
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const mapper = maybe(fc.constant(yes));
const duration = fc.integer({ min: 1, max: 1e9 });
const schema = maybe(
  fc.constantFrom<z.ZodType>(
    z.object({ n: z.number() }),
    z.looseObject({ s: z.string().optional() }),
    z.any(),
  ),
);

const stepPlan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('step' as const),
  undo: fc.constantFrom('compensation' as const, 'readOnly' as const, 'none' as const),
  options: fc.record(
    {
      input: mapper,
      condition: mapper,
      output: schema,
      retry: maybe(fc.record({ maxRetries: fc.nat(9), nonRetryableCodes: fc.array(fc.string()) })),
      attemptTimeout: duration,
      stepTimeout: maybe(duration),
      pickUpTimeout: maybe(duration),
      progressWeight: fc.nat(9),
      barrier: maybe(fc.constantFrom('transaction', 'external')),
    },
    { requiredKeys: [] },
  ),
});

const signalPlan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('signal' as const),
  approval: fc.boolean(),
  options: fc.record(
    {
      timeout: duration,
      signal: fc.constantFrom('go', 'stop'),
      onTimeout: fc.constantFrom('reject', 'continue'),
      output: schema,
      condition: mapper,
    },
    { requiredKeys: ['timeout'] },
  ),
});

const sleepPlan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('sleep' as const),
  until: fc.boolean(),
  duration,
  options: fc.record({ condition: mapper }),
});

const settings: fc.Arbitrary<Settings> = fc.record({
  timeout: maybe(duration),
  hold: fc.boolean(),
  version: fc.integer({ min: 1, max: 99 }),
});

const { plan } = fc.letrec<{ plan: Plan; child: Plan }>((tie) => ({
  child: fc.record({
    kind: fc.constant('workflow' as const),
    options: fc.record({ input: mapper, output: mapper, condition: mapper }),
    child: fc.array(tie('plan'), { minLength: 1, maxLength: 3 }),
    settings,
  }),
  plan: fc.oneof(
    { maxDepth: 2 },
    stepPlan,
    signalPlan,
    sleepPlan,
    fc.record({
      kind: fc.constant('map' as const),
      body: fc.oneof<fc.Arbitrary<Plan>[]>(stepPlan, tie('child')),
      options: fc.record(
        {
          concurrency: fc.integer({ min: 1, max: 99 }),
          maxItems: fc.integer({ min: 1, max: 10_000 }),
          tolerate: fc.oneof(
            fc.record({ count: fc.nat(5) }),
            fc.record({ fraction: fc.double({ min: 0, max: 1, noNaN: true }) }),
          ),
          condition: mapper,
        },
        { requiredKeys: [] },
      ),
    }),
    tie('child'),
  ),
}));

const itemPlan: fc.Arbitrary<ItemPlan> = fc.oneof(
  { weight: 3, arbitrary: plan },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('group' as const),
      members: fc.array(plan, { minLength: 1, maxLength: 3 }),
      failFast: fc.boolean(),
      options: fc.record(
        { join: fc.constantFrom('all', 'any', 'settle', { quorum: 1 }), keep: fc.boolean() },
        { requiredKeys: [] },
      ),
    }),
  },
);

class Assembly {
  private names = 0;
  constructor(private readonly barrier: boolean) {}

  private name(): string {
    this.names += 1;
    return `n${this.names}`;
  }

  /** A member of a group; the other methods of the builder take the same, apart. */
  member(from: Plan, mark?: object): Record<string, unknown> & { name: string } {
    const name = this.name();
    switch (from.kind) {
      case 'step':
        return { name, worker: 'q.do', ...this.step(from, mark) };
      case 'workflow':
        return { name, ...from.options, workflow: this.workflow(from.child, from.settings, mark) };
      case 'map': {
        const { name: _, condition: __, ...body } = this.member(from.body, mark);
        return { name, over: yes, ...body, ...from.options };
      }
      case 'signal':
        return { name, signal: 'go', approval: from.approval, ...from.options };
      default:
        return { name, ...from.options, ...(from.until ? { sleepUntil: yes } : { sleep: from.duration }) };
    }
  }

  private step({ options, undo }: Extract<Plan, { kind: 'step' }>, mark?: object): object {
    const barrier = this.barrier && { barrier: 'external' };
    if (mark) return { ...options, ...barrier, ...mark };
    const undone = undo === 'compensation' ? { compensation: 'q.undo' } : { readOnly: undo === 'readOnly' };
    return { ...options, ...barrier, ...undone };
  }

  private workflow(plans: readonly Plan[], { timeout, hold, version }: Settings, mark?: object): Workflow {
    const inner = new Assembly(this.barrier);
    const builder = loose('child', { version });
    for (const each of plans) inner.add(builder, each, mark);
    if (timeout !== undefined) builder.withSagaTimeout(timeout);
    if (hold) builder.withFailureMode('hold');
    return builder.build({ part: mark !== undefined });
  }

  add(builder: Loose, from: ItemPlan, mark?: object): void {
    if (from.kind === 'group') {
      const inner = new Assembly(from.failFast);
      inner.names = this.names;
      const members = from.members.map((each) => inner.member(each, mark));
      this.names = inner.names;
      // Two of the members write what a reducer makes one of.
      const written = members.filter(({ worker, over }) => worker !== undefined && over === undefined);
      for (const each of written) Object.assign(each, { writes: [`w${this.names}`], output: undefined });
      const reducers = written.length > 0 ? { [`w${this.names}`]: yes } : {};
      const onFailure = from.failFast ? 'failFast' : 'quiesce';
      builder.addParallelSteps(members, { ...from.options, onFailure, reducers });
      return;
    }
    const { name, ...rest } = this.member(from, mark);
    const { worker, workflow, approval, sleep, sleepUntil, ...options } = rest;
    if (from.kind === 'map') builder.addMap(name, rest);
    else if (from.kind === 'step') builder.addStep(name, worker, options);
    else if (from.kind === 'workflow') builder.addWorkflow(name, workflow, options);
    else if (from.kind === 'signal') builder[approval ? 'waitForApproval' : 'waitForSignal'](name, options);
    else if (from.until) builder.sleepUntil(name, sleepUntil, options);
    else builder.sleep(name, sleep, options);
  }
}

/** Whatever a definition may hold: what can be undone, then perhaps the pivot and what is carried through. */
export const anyBuilder: fc.Arbitrary<Loose> = fc
  .record({
    before: fc.array(itemPlan, { maxLength: 5 }),
    after: maybe(fc.array(itemPlan, { maxLength: 3 })),
    first: stepPlan,
    settings,
  })
  .map(({ before, after, first, settings: { timeout, hold, version } }) => {
    const builder = loose('any', { version });
    const assembly = new Assembly(false);
    const undoable = after ? before.map(withUndo) : before;
    for (const item of undoable) assembly.add(builder, item);
    if (after) assembly.add(builder, first, { pivot: true });
    else assembly.add(builder, first);
    for (const item of after ?? []) assembly.add(builder, item, { retriable: true });
    if (timeout !== undefined) builder.withSagaTimeout(timeout);
    return hold ? builder.withFailureMode('hold') : builder;
  });

/** Before a pivot everything has an undo. */
function withUndo<Item extends ItemPlan>(item: Item): Item {
  const within = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(within);
    if (!isPlain(value)) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, within(each)]));
    return copy['undo'] === 'none' ? { ...copy, undo: 'compensation' } : copy;
  };
  return within(item) as Item;
}
