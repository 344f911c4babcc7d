/* Checked by the compiler alone: each line under `@ts-expect-error` must be an error, and every other line none. */
/* eslint-disable @typescript-eslint/no-meaningless-void-operator, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unused-vars, @typescript-eslint/no-unnecessary-type-parameters --
   lines that must not compile, and names that only a type looks at, are the point of this file */
import { WorkflowBuilder } from '@counterstep/core';
import * as z from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => undefined;

interface Order {
  orderId: string;
  amount: number;
}

/** What the conditions and mappers saw, so that a test can run the same code. */
export const seen: unknown[] = [];
const see = <T>(value: T): T => {
  seen.push(value);
  return value;
};

export const typed = new WorkflowBuilder('typed', {
  input: z.object({ orderId: z.string(), amount: z.number() }),
})
  .addStep('reserve', 'stock.reserve', {
    // Before its output: the type of the result must not depend on the order of the options.
    input: (ctx) => {
      same<typeof ctx.input, Readonly<Order>>(true);
      const orderId = ctx.get('orderId');
      same<typeof orderId, string>(true);
      // @ts-expect-error -- a number is no string
      const wrong: string = ctx.get('amount');
      // @ts-expect-error -- the input has no such field
      void ctx.input.nothing;
      // @ts-expect-error -- the input is read-only
      if (orderId === '') ctx.input.amount = 1;
      // A step does not see itself, nor what comes later.
      const itself = ctx.get('reserve');
      same<typeof itself, unknown>(true);
      const later = ctx.get('charge');
      same<typeof later, unknown>(true);
      // @ts-expect-error -- nothing has run
      void ctx.results.reserve;
      return see({ orderId, wrong });
    },
    output: z.object({ place: z.int() }),
  })
  .addConditionalStep(
    'gift',
    'packing.wrap',
    (ctx) => {
      const { place } = ctx.get('reserve');
      same<typeof place, number>(true);
      const optional = ctx.results.reserve;
      same<typeof optional, { place: number } | undefined>(true);
      return see(place) > 5 && ctx.get('amount') > 100;
    },
    { output: z.object({ paper: z.enum(['red', 'blue']) }) },
  )
  .addParallelSteps([
    {
      name: 'charge',
      worker: 'payments.charge',
      compensation: 'payments.refund',
      output: z.object({ chargeId: z.string() }),
      input: (ctx) => {
        const gift = ctx.get('gift');
        same<typeof gift, { paper: 'red' | 'blue' } | undefined>(true);
        // @ts-expect-error -- the step may have been passed over
        void (() => gift.paper);
        // @ts-expect-error -- members of one group do not see one another
        void (() => ctx.results.notify);
        return see({ paper: gift?.paper ?? null });
      },
    },
    { name: 'notify', worker: 'mail.send', readOnly: true },
  ])
  .withRetryConfig({ maxRetries: 1 })
  .addStep('ship', 'shipping.ship', {
    compensation: 'shipping.cancel',
    input: (ctx) => {
      const { chargeId } = ctx.get('charge');
      same<typeof chargeId, string>(true);
      const notified = ctx.get('notify');
      same<typeof notified, unknown>(true);
      // @ts-expect-error -- an output without a schema has no known fields
      void (() => notified.at);
      return see({ chargeId, place: ctx.get('reserve').place });
    },
  })
  .build();

same<NonNullable<(typeof typed)['inputType']>, Order>(true);

export const untyped = new WorkflowBuilder('untyped')
  .addStep('first', 'q.first')
  .addConditionalStep('second', 'q.second', (ctx) => {
    const anything = ctx.get('anything');
    same<typeof anything, unknown>(true);
    // @ts-expect-error -- unknown has no fields
    void (() => anything.field);
    return see(anything) === true;
  })
  .build();

const child = new WorkflowBuilder('child', { input: z.object({ sku: z.string() }) })
  .addStep('book', 'q.book', { output: z.object({ ref: z.string() }), writes: ['ref'] })
  .addStep('label', 'q.label', {
    output: z.object({ url: z.string() }),
    condition: (ctx) => ctx.get('ref') !== '',
  })
  .build();

const line = z.object({ sku: z.string(), count: z.int() });

/** Every kind of item, one after the other. */
export const kinds = new WorkflowBuilder('kinds', {
  input: z.object({ lines: z.array(line), day: z.string() }),
})
  .addStep('price', 'q.price', {
    // Before its output and what it writes: the order of options does not matter.
    condition: (ctx) => ctx.get('lines').length > 0,
    writes: ['total'],
    output: z.object({ total: z.number(), currency: z.string() }),
  })
  .addStep('tax', 'q.tax', {
    writes: ['rate'],
    output: z.object({ rate: z.number() }),
    input: (ctx) => {
      const price = ctx.get('price');
      same<typeof price, { total: number; currency: string } | undefined>(true);
      const total = ctx.get('total');
      same<typeof total, number | undefined>(true);
      const other = ctx.get('currency');
      same<typeof other, unknown>(true);
      return see({ total });
    },
  })
  .addWorkflow('ship', child)
  .addWorkflow('show', child, {
    input: (ctx) => ({ sku: ctx.get('lines')[0]?.sku }),
    output: (ctx) => {
      const ref = ctx.get('ref');
      same<typeof ref, string>(true);
      const label = ctx.get('label');
      same<typeof label, { url: string } | undefined>(true);
      // It is the child's own context: what its parent knows is not there.
      const rate = ctx.get('rate');
      same<typeof rate, unknown>(true);
      return see({ ref, sku: ctx.get('sku') });
    },
    condition: (ctx) => {
      const { book } = ctx.get('ship');
      same<typeof book, { ref: string }>(true);
      return see(book.ref) === 'r';
    },
  })
  .addMap('reserve', {
    over: (ctx) => ctx.get('lines'),
    worker: 'q.reserve',
    compensation: 'q.release',
    input: (ctx) => {
      const item = ctx.get('item');
      same<typeof item, { sku: string; count: number }>(true);
      const index = ctx.get('index');
      same<typeof index, number>(true);
      const rate = ctx.get('rate');
      same<typeof rate, number>(true);
      return see({ sku: item.sku, index });
    },
    output: z.object({ id: z.string() }),
    tolerate: { fraction: 0.1 },
  })
  .addMap('pack', {
    over: (ctx) => ctx.get('lines'),
    workflow: child,
    input: (ctx) => ({ sku: ctx.get('item').sku }),
    output: (ctx) => ctx.get('book').ref,
    condition: (ctx) => ctx.get('reserve')[0]?.id !== '',
  })
  .addMap('send', { over: (ctx) => ctx.get('pack'), workflow: child })
  .waitForSignal('paid', { timeout: 5, onTimeout: 'continue', output: z.object({ cents: z.int() }) })
  .waitForApproval('agreed', { timeout: 5 })
  .sleep('nap', 5)
  .sleepUntil('day', (ctx) => ctx.get('day'))
  .addStep('last', 'q.last', {
    input: (ctx) => {
      const shipped = ctx.get('show');
      same<typeof shipped, { ref: string; sku: string } | undefined>(true);
      const reserved = ctx.get('reserve');
      same<typeof reserved, ({ id: string } | null)[]>(true);
      const packed = ctx.get('pack');
      same<typeof packed, (string | null)[] | undefined>(true);
      const url = ctx.get('send')[0]?.label?.url;
      same<typeof url, string | undefined>(true);
      const paid = ctx.get('paid');
      same<typeof paid, { cents: number } | null>(true);
      const { approved } = ctx.get('agreed');
      same<typeof approved, true>(true);
      return see({ reserved, paid });
    },
  })
  .build();

/** Every kind of member, all at the same time. */
export const atOnce = new WorkflowBuilder('at-once', {
  input: z.object({ lines: z.array(line), day: z.string() }),
})
  .addParallelSteps(
    [
      { name: 'a', worker: 'q.a', output: z.object({ sum: z.number() }), writes: ['sum'] },
      {
        name: 'b',
        worker: 'q.b',
        output: z.object({ sum: z.number(), note: z.string() }),
        writes: ['sum', 'note'],
        condition: (ctx) => ctx.get('day') !== '',
        input: (ctx) => see(ctx.get('day')),
      },
      { name: 'c', workflow: child, input: (ctx) => ({ sku: ctx.get('day') }) },
      { name: 'd', workflow: child, output: (ctx) => ctx.get('ref') === 'r' },
      { name: 'e', over: (ctx) => ctx.get('lines'), worker: 'q.e', output: z.string() },
      { name: 'f', over: (ctx) => ctx.get('lines'), workflow: child },
      { name: 'g', signal: 'go', timeout: 5, output: z.object({ yes: z.boolean() }) },
      { name: 'h', signal: 'agree', approval: true, timeout: 5 },
      { name: 'i', sleep: 5 },
      { name: 'j', sleepUntil: (ctx) => ctx.get('day') },
    ],
    {
      join: { quorum: 2 },
      reducers: {
        sum: (values) => {
          same<typeof values, readonly number[]>(true);
          return `${Math.max(...values)}`;
        },
      },
    },
  )
  .addStep('last', 'q.last', {
    input: (ctx) => {
      // What the reducer makes, and what one member writes.
      const sum = ctx.get('sum');
      same<typeof sum, string>(true);
      const note = ctx.get('note');
      same<typeof note, string>(true);
      const b = ctx.get('b');
      same<typeof b, { sum: number; note: string } | undefined>(true);
      const c = ctx.get('c').book.ref;
      same<typeof c, string>(true);
      const d = ctx.get('d');
      same<typeof d, boolean>(true);
      const e = ctx.get('e');
      same<typeof e, (string | null)[]>(true);
      const f = ctx.get('f')[0]?.book.ref;
      same<typeof f, string | undefined>(true);
      const { yes } = ctx.get('g');
      same<typeof yes, boolean>(true);
      const { approved } = ctx.get('h');
      same<typeof approved, true>(true);
      const j = ctx.get('j');
      same<typeof j, null>(true);
      return see({ sum });
    },
  })
  .build();

void (() => {
  const builder = new WorkflowBuilder('wrong');
  // @ts-expect-error -- an option that does not exist
  builder.addStep('a', 'q.a', { timeout: 5 });
  // @ts-expect-error -- a schema, not its name
  builder.addStep('a', 'q.a', { output: 'string' });
  // @ts-expect-error -- a condition is a function
  builder.addConditionalStep('a', 'q.a', true);
  // @ts-expect-error -- a member needs a worker
  builder.addParallelSteps([{ name: 'a' }]);
  // @ts-expect-error -- a retry option that does not exist
  builder.withRetryConfig({ retries: 5 });
  // @ts-expect-error -- a builder is no workflow
  builder.addWorkflow('a', new WorkflowBuilder('child'));
  // @ts-expect-error -- a map needs a list
  builder.addMap('a', { worker: 'q.a' });
  // @ts-expect-error -- a map runs a step or a workflow, not both
  builder.addMap('a', { over: () => [], worker: 'q.a', workflow: child });
  // @ts-expect-error -- what a map runs cannot write
  builder.addMap('a', { over: () => [], worker: 'q.a', writes: ['n'] });
  // @ts-expect-error -- a wait needs a timeout
  builder.waitForSignal('a', { signal: 'go' });
  // @ts-expect-error -- a wait goes on or rejects
  builder.waitForSignal('a', { timeout: 5, onTimeout: 'fail' });
  // @ts-expect-error -- milliseconds are a number
  builder.sleep('a', '5 s');
  // @ts-expect-error -- there is no such join
  builder.addParallelSteps([{ name: 'a', worker: 'q.a' }], { join: 'most' });
  // @ts-expect-error -- a step does not wait for a signal
  builder.addParallelSteps([{ name: 'a', worker: 'q.a', signal: 'go', timeout: 5 }]);
  // @ts-expect-error -- there is no such mode
  builder.withFailureMode('wait');
});
