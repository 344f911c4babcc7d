import * as z from 'zod';
import { WorkflowBuilder, withUndoData } from '@counterstep/core';
import { waitFor } from '../../support/wait-for.js';
import {
  failing,
  give,
  giveUp,
  hang,
  lose,
  nothing,
  once,
  quick,
  reaches,
  refuse,
  twice,
  untilAborted,
} from './behaviours.js';
import { scenario, type Scenario } from './scenario.js';

/* What may happen to a step, and to the saga around it. */

export const STEPS: readonly Scenario[] = [
  scenario(
    'all goes well',
    { shows: '"undoData":{"ref":1}', ends: 'completed', input: { amount: 5 }, barrier: 'transaction' },
    (name, on) =>
      new WorkflowBuilder(name, {
        input: z.object({ amount: z.number(), currency: z.string().default('EUR') }),
      })
        .addStep('reserve', on('reserve'), {
          compensation: on('release'),
          output: z.object({ shelf: z.number() }),
          writes: ['shelf'],
        })
        .addStep('charge', on('charge'), {
          compensation: on('refund'),
          input: (context) => ({ sum: context.get('amount'), shelf: context.get('shelf') }),
        })
        .build(),
    () => ({
      handlers: {
        reserve: give({ shelf: 4, other: 'dropped by the schema' }),
        release: nothing,
        charge: (input) => withUndoData({ charged: input }, { ref: 1 }),
        refund: nothing,
      },
    }),
  ),
  scenario(
    'a rejection is undone in the reverse order',
    { shows: '"direction":"undo"', ends: 'compensated', input: { order: 9 }, barrier: 'transaction' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('charge', on('charge'), on('refund'))
        .addStep('ship', on('ship'), on('unship'))
        .build(),
    () => ({
      handlers: {
        reserve: () => withUndoData({ items: 2 }, { shelf: 4 }),
        release: nothing,
        charge: give({ id: 'c-1' }),
        refund: give('what an undo gives is not kept'),
        ship: refuse('UNDELIVERABLE'),
        unship: nothing,
      },
    }),
  ),
  scenario(
    'a retry succeeds',
    { shows: '"attempt":3', ends: 'completed' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: { maxRetries: 3, ...quick } })
        .build(),
    () => ({ handlers: { charge: failing(2, 'at last'), refund: nothing } }),
  ),
  scenario(
    'the retries are spent',
    { shows: '"attempt":3', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: { maxRetries: 2, ...quick } })
        .build(),
    () => ({ handlers: { reserve: give(1), release: nothing, charge: lose, refund: nothing } }),
  ),
  scenario(
    'a failure for good is not tried again',
    { shows: 'CLOSED for good', ends: 'compensated' },
    (name, on) => new WorkflowBuilder(name).addStep('charge', on('charge'), on('refund')).build(),
    () => ({ handlers: { charge: giveUp('CLOSED'), refund: nothing } }),
  ),
  scenario(
    'a rejection after a failure is no promise',
    { shows: '"direction":"undo"', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: { maxRetries: 3, ...quick } })
        .build(),
    () => ({
      handlers: {
        charge: (_input, { attempt }) => (attempt === 1 ? lose() : refuse('NO_FUNDS')()),
        refund: nothing,
      },
    }),
  ),
  scenario(
    'a handler without a barrier rejects after a failure',
    { shows: '"outcome":"unknown"', ends: 'compensated', barrier: 'none' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: twice, barrier: 'none' })
        .build(),
    () => ({
      handlers: {
        charge: (_input, { attempt }) => (attempt === 1 ? lose() : refuse('NO_FUNDS')()),
        refund: nothing,
      },
    }),
  ),
  scenario(
    'no answer in time is unknown and is undone',
    { shows: '"code":"TIMEOUT"', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), attemptTimeout: 500, retry: twice })
        .build(),
    () => ({ handlers: { charge: hang, refund: nothing } }),
  ),
  scenario(
    'an answer that is late still counts',
    { shows: '"type":"timedOut"', ends: 'completed' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), {
          compensation: on('refund'),
          attemptTimeout: 500,
          retry: { maxRetries: 1, initialDelay: 60_000, jitter: 'none' },
        })
        .build(),
    () => {
      let open: (output: string) => void = () => undefined;
      const output = new Promise<string>((resolve) => (open = resolve));
      return {
        handlers: {
          charge: async (_input, { heartbeat }) => {
            await heartbeat();
            return output;
          },
          refund: nothing,
        },
        meanwhile: async (saga) => {
          await reaches(saga, 'charge', 'waiting');
          open('late, but there');
        },
      };
    },
  ),
  scenario(
    'a heartbeat leaves undo data',
    { shows: '"booking":"b-2"', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: once })
        .addStep('never', on('never'), { readOnly: true })
        .build(),
    () => ({
      handlers: {
        charge: async (_input, { heartbeat }) => {
          await heartbeat({ booking: 'b-1' });
          await heartbeat({ booking: 'b-1' });
          await heartbeat({ booking: 'b-2' });
          return lose();
        },
        refund: (undo) => undo,
        never: nothing,
      },
    }),
  ),
  scenario(
    'an undo fails, then succeeds',
    { shows: '"direction":"undo","run":1,"attempt":3', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), {
          compensation: on('refund'),
          undoRetry: { maxRetries: 3, ...quick },
        })
        .addStep('ship', on('ship'), { readOnly: true })
        .build(),
    () => ({ handlers: { charge: give(1), refund: failing(2), ship: refuse('NO') } }),
  ),
  scenario(
    'an undo cannot be done',
    { shows: 'COMPENSATION_FAILED', ends: 'attention' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('charge', on('charge'), { compensation: on('refund'), undoRetry: twice })
        .addStep('ship', on('ship'), { readOnly: true })
        .build(),
    () => ({
      handlers: { reserve: give(1), release: nothing, charge: give(2), refund: lose, ship: refuse('NO') },
    }),
  ),
  scenario(
    'after the pivot all is carried through',
    { shows: '"step":"tell","direction":"forward","run":1,"attempt":3', ends: 'completed' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('pay', on('pay'), { pivot: true })
        .addStep('tell', on('tell'), { retriable: true, retry: { maxRetries: 3, ...quick } })
        .build(),
    () => ({ handlers: { reserve: give(1), release: nothing, pay: give('paid'), tell: failing(2) } }),
  ),
  scenario(
    'a pivot that is rejected undoes what was before',
    { shows: '"step":"reserve","direction":"undo"', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('pay', on('pay'), { pivot: true })
        .build(),
    () => ({ handlers: { reserve: give(1), release: nothing, pay: refuse('NO_FUNDS') } }),
  ),
  scenario(
    'it is cancelled while it waits',
    { shows: '"actor":"ann"', ends: 'cancelled' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .waitForSignal('word', { timeout: 60_000 })
        .build(),
    () => ({
      handlers: { reserve: give(1), release: nothing },
      meanwhile: async (saga) => {
        await reaches(saga, 'word');
        await saga.cancel({ actor: 'ann', reason: 'changed her mind' });
      },
    }),
  ),
  scenario(
    'it is cancelled while a handler runs',
    { shows: '"step":"charge","direction":"undo"', ends: 'cancelled' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .addStep('charge', on('charge'), on('refund'))
        .build(),
    () => {
      let begun = false;
      return {
        handlers: {
          reserve: give(1),
          release: nothing,
          charge: (input, context) => {
            begun = true;
            return untilAborted(input, context);
          },
          refund: nothing,
        },
        meanwhile: async (saga) => {
          await waitFor(() => begun, { what: 'the handler runs', everyMs: 5 });
          await saga.cancel();
        },
      };
    },
  ),
  scenario(
    'its time runs out',
    { shows: '"code":"DEADLINE"', ends: 'cancelled' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('reserve', on('reserve'), on('release'))
        .sleep('rest', 60_000)
        .withSagaTimeout(1_500)
        .build(),
    () => ({ handlers: { reserve: give(1), release: nothing } }),
  ),
  scenario(
    'it holds, and a person has it tried again',
    { shows: '"type":"intervened"', ends: 'completed' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), { compensation: on('refund'), retry: once })
        .withFailureMode('hold')
        .build(),
    () => ({
      handlers: { charge: failing(1, 'at last'), refund: nothing },
      decide: (saga) => saga.intervene({ verb: 'retry', actor: 'ann', reason: 'the line is back' }),
    }),
  ),
  scenario(
    'an output does not fit',
    { shows: 'OUTPUT_INVALID', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('charge', on('charge'), {
          compensation: on('refund'),
          output: z.object({ id: z.string() }),
          retry: twice,
        })
        .build(),
    () => ({ handlers: { charge: give({ id: 7 }), refund: nothing } }),
  ),
  scenario(
    'an output is too large, or no JSON',
    { shows: 'REPLY_TOO_LARGE', ends: 'compensated' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('odd', on('odd'), { compensation: on('unodd'), retry: twice })
        .addStep('large', on('large'), { compensation: on('unlarge'), retry: twice })
        .build(),
    () => ({
      handlers: {
        odd: (_input, { attempt }) => (attempt === 1 ? 10n : 'fine'),
        unodd: nothing,
        large: give('x'.repeat(1024 * 1024)),
        unlarge: nothing,
      },
    }),
  ),
  scenario(
    'code of the definition throws',
    { shows: 'DEFINITION_ERROR', ends: 'attention' },
    (name, on) =>
      new WorkflowBuilder(name)
        .addStep('look', on('look'), {
          readOnly: true,
          input: () => {
            throw new Error('no such field');
          },
        })
        .build(),
    () => ({ handlers: { look: nothing } }),
  ),
];
