import * as z from 'zod';
import { WorkflowBuilder } from '@counterstep/core';
import { give, lose, nothing, once, reaches, refuse, twice, untilAborted } from './behaviours.js';
import { scenario, type Scenario } from './scenario.js';

/* What a definition may be made of beside steps in a row. */

export const SHAPES: readonly Scenario[] = [
  ...[true, false].map((gift) =>
    scenario(
      gift ? 'a condition is true' : 'a condition is false',
      { shows: `"taken":${gift}`, ends: 'compensated', input: { gift }, barrier: 'transaction' },
      (name, on) =>
        new WorkflowBuilder(name)
          .addConditionalStep('wrap', on('wrap'), (context) => context.get('gift'), on('unwrap'))
          .addStep('ship', on('ship'), { readOnly: true })
          .build(),
      () => ({ handlers: { wrap: give('paper'), unwrap: nothing, ship: refuse('NO_SHIP') } }),
    ),
  ),
  scenario(
    'a group joins all',
    { shows: '"patch":{"sum":6}', ends: 'completed', beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addParallelSteps(
          ['left', 'middle', 'right'].map((member) => ({
            name: member,
            worker: on(member),
            readOnly: true,
            output: z.object({ sum: z.number() }),
            writes: ['sum' as const],
          })),
          { reducers: { sum: (values: readonly number[]) => values.reduce((a, b) => a + b, 0) } },
        )
        .addStep('after', on('after'), { readOnly: true })
        .build(),
    () => ({
      handlers: {
        left: give({ sum: 1 }),
        middle: give({ sum: 2 }),
        right: give({ sum: 3 }),
        after: (input) => (input as { sum: number }).sum,
      },
    }),
  ),
  scenario(
    'a group of which a member fails is undone',
    { shows: '"step":"left","direction":"undo"', ends: 'compensated', beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addParallelSteps([
          { name: 'left', worker: on('left'), compensation: on('unleft') },
          { name: 'right', worker: on('right'), compensation: on('unright'), retry: once },
        ])
        .build(),
    () => ({ handlers: { left: give(1), unleft: nothing, right: refuse('NO'), unright: nothing } }),
  ),
  scenario(
    'a group joins any',
    { shows: '"type":"lost"', ends: 'completed', beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addParallelSteps(
          [
            { name: 'fast', worker: on('fast'), compensation: on('unfast') },
            { name: 'slow', worker: on('slow'), compensation: on('unslow') },
          ],
          { join: 'any' },
        )
        .build(),
    () => ({ handlers: { fast: give('first'), unfast: nothing, slow: untilAborted, unslow: nothing } }),
  ),
  scenario(
    'a group joins two of three',
    { shows: '"type":"lost"', ends: 'completed', beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addParallelSteps(
          ['one', 'two', 'three'].map((member) => ({
            name: member,
            worker: on(member),
            compensation: on(`un${member}`),
          })),
          { join: { quorum: 2 } },
        )
        .build(),
    () => ({
      handlers: {
        one: give(1),
        two: give(2),
        three: untilAborted,
        unone: nothing,
        untwo: nothing,
        unthree: nothing,
      },
    }),
  ),
  scenario(
    'a group joins whatever its members come to',
    { shows: '"step":"bad","direction":"undo"', ends: 'completed', beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addParallelSteps(
          [
            { name: 'good', worker: on('good'), compensation: on('ungood') },
            { name: 'bad', worker: on('bad'), compensation: on('unbad'), retry: twice },
          ],
          { join: 'settle' },
        )
        .build(),
    () => ({ handlers: { good: give(1), ungood: nothing, bad: lose, unbad: nothing } }),
  ),
  ...(['completed', 'compensated'] as const).map((ends) =>
    scenario(
      ends === 'completed'
        ? 'a workflow in a workflow gives its result'
        : 'a workflow in a workflow is undone with it',
      {
        shows: ends === 'completed' ? '"wrapped":"paper"' : '"step":"parcel/pick","direction":"undo"',
        ends,
        input: { box: 'small' },
      },
      (name, on) => {
        const pack = new WorkflowBuilder('pack')
          .addStep('pick', on('pick'), on('put'))
          .addStep('wrap', on('wrap'), on('unwrap'))
          .build();
        return new WorkflowBuilder(name)
          .addStep('reserve', on('reserve'), on('release'))
          .addWorkflow('parcel', pack, {
            input: (context) => ({ size: context.get('box') }),
            output: (context) => ({ wrapped: context.get('wrap') }),
          })
          .addStep('ship', on('ship'), { readOnly: true })
          .build();
      },
      () => ({
        handlers: {
          reserve: give(1),
          release: nothing,
          pick: (input) => input,
          put: nothing,
          wrap: give('paper'),
          unwrap: nothing,
          ship: ends === 'completed' ? give('gone') : refuse('NO'),
        },
      }),
    ),
  ),
  scenario(
    'a map of which an item fails is undone',
    {
      shows: '"step":"lines/0","direction":"undo"',
      ends: 'compensated',
      input: { lines: ['a', 'b', 'c', 'd'] },
    },
    (name, on) =>
      new WorkflowBuilder(name)
        .addMap('lines', {
          over: (context) => context.input['lines'],
          worker: on('pick'),
          compensation: on('put'),
          concurrency: 1,
          retry: once,
        })
        .build(),
    () => ({
      handlers: {
        pick: (input) => ((input as { item: string }).item === 'c' ? lose() : 'picked'),
        put: nothing,
      },
    }),
  ),
  scenario(
    'a map bears an item that fails',
    { shows: 'NONE it is', ends: 'completed', input: { lines: ['a', 'b', 'c'] }, beside: true },
    (name, on) =>
      new WorkflowBuilder(name)
        .addMap('lines', {
          over: (context) => context.input['lines'],
          worker: on('pick'),
          compensation: on('put'),
          tolerate: { count: 1 },
        })
        .build(),
    () => ({
      handlers: {
        pick: (input) => ((input as { index: number }).index === 1 ? refuse('NONE')() : 'picked'),
        put: nothing,
      },
    }),
  ),
  scenario(
    'it sleeps',
    { shows: '"kind":"sleep"', ends: 'completed' },
    (name, on) =>
      new WorkflowBuilder(name)
        .sleep('rest', 60)
        .sleepUntil('rest-more', () => 0)
        .addStep('look', on('look'), { readOnly: true })
        .build(),
    () => ({ handlers: { look: give('seen') } }),
  ),
  ...[true, false].map((approved) =>
    scenario(
      approved ? 'an approval is given' : 'an approval is refused',
      { shows: approved ? '"approved":true' : 'NOT_APPROVED', ends: approved ? 'completed' : 'compensated' },
      (name, on) =>
        new WorkflowBuilder(name)
          .addStep('reserve', on('reserve'), on('release'))
          .waitForApproval('boss', { timeout: 60_000 })
          .build(),
      () => ({
        handlers: { reserve: give(1), release: nothing },
        meanwhile: async (saga) => {
          await reaches(saga, 'boss');
          await saga.signal('boss', { id: 'word', data: { approved, reason: 'so it is' }, actor: 'ann' });
        },
      }),
    ),
  ),
  scenario(
    'a signal does not come',
    { shows: '"type":"concluded"', ends: 'completed' },
    (name) => new WorkflowBuilder(name).waitForSignal('word', { timeout: 60, onTimeout: 'continue' }).build(),
    () => ({ handlers: {} }),
  ),
];
