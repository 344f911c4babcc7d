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
});
