import { describe, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { LoggingStep, StepRegistry, StepResult, TimingStep, ValidationStep } from '@counterstep/steps';
import * as z from 'zod';
import { TRIP, ok, registryOf, step, type TripContext } from '../../test-support/hosted-steps.js';
import { hostings } from '../../test-support/hosting.js';
import { toWorkflow, type ProgressSink } from '../index.js';

const open = hostings();

describe('a saga of hosted steps', () => {
  test('hands the context on from step to step', async () => {
    const seen: unknown[] = [];
    const look = (context: TripContext) => {
      const { stops, note, total, extras, traveller, nights, errors, currentStep } = context;
      seen.push(structuredClone({ stops, note, total, extras, traveller, nights, errors, currentStep }));
      seen.push(context.stepResults.map(({ data, rollbackData }) => ({ data, rollbackData })));
    };
    const hosting = await open(
      toWorkflow(
        'trip',
        registryOf(
          step('one', {
            execute: (context) => {
              look(context);
              context.stay('Rome', 2);
              context.note = 'sunny';
              context.total = undefined;
              context.extras['bags'] = { count: 1, tags: ['a'] };
              context.errors.push('the lift is broken');
              return ok({ booked: 1 }, { id: 7 });
            },
          }),
          step('two', {
            execute: (context) => {
              look(context);
              context.stay('Oslo', 1);
              context.stops[0]!.nights = 3;
              context.note = null;
              context.extras['bags'] = { count: 2 };
              return ok({ booked: 2 });
            },
          }),
          step('three', { execute: (context) => (look(context), ok()) }),
        ),
        TRIP,
      ),
    );
    expect(await hosting.run({ traveller: 'Ada' })).toMatchObject({ state: 'completed', progress: 100 });
    const errors = ['the lift is broken'];
    expect(seen).toEqual([
      {
        stops: [],
        note: null,
        total: 5,
        extras: {},
        traveller: 'Ada',
        nights: 0,
        errors: [],
        currentStep: 'one',
      },
      [],
      {
        stops: [{ city: 'Rome', nights: 2 }],
        note: 'sunny',
        total: undefined,
        extras: { bags: { count: 1, tags: ['a'] } },
        traveller: 'Ada',
        nights: 2,
        errors,
        currentStep: 'two',
      },
      [{ data: { booked: 1 }, rollbackData: {} }],
      {
        stops: [
          { city: 'Rome', nights: 3 },
          { city: 'Oslo', nights: 1 },
        ],
        note: null,
        total: undefined,
        extras: { bags: { count: 2 } },
        traveller: 'Ada',
        nights: 4,
        errors,
        currentStep: 'three',
      },
      [
        { data: { booked: 1 }, rollbackData: {} },
        { data: { booked: 2 }, rollbackData: {} },
      ],
    ]);
  });

  test('shows the results in its status, and gives the context back', async () => {
    const hosted = toWorkflow(
      'trip',
      registryOf(
        step('one', { execute: (context) => (context.stay('Rome', 2), ok({ n: 1 })) }),
        step('two', { execute: (context) => ((context.label = 'done'), ok()) }),
      ),
      TRIP,
    );
    const hosting = await open(hosted);
    const { stepResults } = await hosting.run({ traveller: 'Ada' });
    expect(stepResults).toEqual({
      one: {
        success: true,
        data: { n: 1 },
        error: null,
        skipped: false,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        patch: expect.any(Array),
      },
      two: expect.objectContaining({ patch: [{ op: 'add', path: '/label', value: 'done' }] }),
    });
    expect(hosted.stateOf(stepResults)).toEqual({
      errors: [],
      stops: [{ city: 'Rome', nights: 2 }],
      note: null,
      total: 5,
      extras: {},
      traveller: 'Ada',
      label: 'done',
    });
    expect(hosted.stateOf({})).toEqual({});
  });

  test('gives createContext what it was started with, as the schema leaves it', async () => {
    const inputs: unknown[] = [];
    const hosted = toWorkflow('trip', registryOf(step('one'), step('two')), {
      ...TRIP,
      input: z.object({ traveller: z.string(), class: z.string().default('second') }),
      createContext: (runtime, input) => {
        inputs.push(input);
        return TRIP.createContext(runtime, input);
      },
    });
    const hosting = await open(hosted);
    await hosting.run({ traveller: 'Ada' });
    const given = { traveller: 'Ada', class: 'second' };
    expect(inputs).toEqual([given, given]);
  });

  test('takes what createContext made once for the first step, whatever it makes later', async () => {
    let made = 0;
    const seen: unknown[] = [];
    const look = (context: TripContext) => (seen.push(context.total), ok());
    const hosted = toWorkflow(
      'trip',
      registryOf(step('a', { execute: look }), step('b', { execute: look })),
      {
        ...TRIP,
        createContext: async (runtime, input) =>
          Object.assign(TRIP.createContext(runtime, input), { total: (made += 1) }),
      },
    );
    const hosting = await open(hosted);
    await hosting.run();
    expect([made, seen]).toEqual([2, [1, 1]]);
  });

  test('leaves a field as it is that a newer release of the class has more', async () => {
    const seen: unknown[] = [];
    let newer = {};
    const hosted = toWorkflow(
      'trip',
      registryOf(
        step('a', { execute: () => ((newer = { added: ['new'] }), ok()) }),
        step('b', { execute: (context) => (seen.push((context as { added?: unknown }).added), ok()) }),
      ),
      {
        ...TRIP,
        createContext: (runtime, input) => Object.assign(TRIP.createContext(runtime, input), newer),
      },
    );
    const hosting = await open(hosted);
    expect(await hosting.run()).toMatchObject({ state: 'completed' });
    expect(seen).toEqual([['new']]);
  });

  test('runs the ready-made steps, under the names that they make', async () => {
    const logged: unknown[] = [];
    const sink: ProgressSink = {
      progress: () => {},
      metrics: () => {},
      log: (command, event, data) => logged.push([command.step, event, data['step']]),
    };
    const registry = new StepRegistry<TripContext>()
      .register(
        new ValidationStep({
          name: 'check',
          progressWeight: 1,
          validator: ({ traveller }) => [traveller === 'Ada', `${traveller} may not travel`],
        }),
      )
      .register(new LoggingStep(new TimingStep(step('book', { execute: () => ok({ n: 1 }) }))));
    const hosting = await open(toWorkflow('trip', registry, TRIP), { sink });
    const { stepResults } = await hosting.run({ traveller: 'Ada' });
    expect(stepResults['logged_timed_book']).toMatchObject({
      data: { n: 1, durationSeconds: expect.any(Number) },
    });
    expect(logged).toEqual([
      ['logged_timed_book', 'step_start', 'timed_book'],
      ['logged_timed_book', 'step_end', 'timed_book'],
    ]);
    const refused = await hosting.run({ traveller: 'Bob' });
    expect(refused).toMatchObject({ state: 'compensated', error: 'Bob may not travel' });
  });

  test('may be a part of another one', async () => {
    const inner = toWorkflow(
      'trip',
      registryOf(
        step('one', { execute: (context) => (context.stay('Rome', 2), ok()) }),
        step('two', { execute: (context) => ok({ nights: context.nights, for: context.traveller }) }),
      ),
      TRIP,
    );
    const workflow = new WorkflowBuilder('holiday', { input: z.object({ who: z.string() }) })
      .addWorkflow('trip', inner.workflow, {
        input: (context) => ({ traveller: context.get('who') }),
        output: (context) => context.get('two').data,
      })
      .build();
    const hosting = await open({ ...inner, workflow } as never);
    const { stepResults } = await hosting.run({ who: 'Ada' });
    expect(stepResults).toEqual({ trip: { nights: 2, for: 'Ada' } });
  });

  test('executes and rolls back each step once, though every message comes twice', async () => {
    const did: unknown[] = [];
    const stays = (city: string) =>
      step(city, {
        execute: (context) => {
          did.push([city, context.stops.length]);
          context.stay(city, 1);
          return ok();
        },
        rollback: (context) => did.push([`undo ${city}`, context.stops.length]),
      });
    const fails = step('fails', { execute: () => new StepResult({ success: false, error: 'full' }) });
    const faults = { duplicateEvery: 1 };
    const hosting = await open(toWorkflow('trip', registryOf(stays('rome'), stays('oslo'), fails), TRIP), {
      faults,
    });
    expect(await hosting.run()).toMatchObject({ state: 'compensated', cause: { message: 'full' } });
    expect(did).toEqual([
      ['rome', 0],
      ['oslo', 1],
      ['undo oslo', 2],
      ['undo rome', 1],
    ]);
  });

  test('sees one input in all attempts of a step: what an attempt did to the context is gone', async () => {
    const seen: unknown[] = [];
    const interrupted = step('two', {
      execute: async (context, signal) => {
        seen.push(context.stops.length, context.stepResults.length);
        context.stay('Oslo', 1);
        if (seen.length > 2) return ok();
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    });
    const one = step('one', { execute: (context) => (context.stay('Rome', 2), ok()) });
    const hosted = toWorkflow('trip', registryOf(one, interrupted), TRIP);
    const hosting = await open(hosted);
    const sagaId = await hosting.start();
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // A new release: the step is told to stop, and is no reason to undo the saga.
    await hosting.restartWorker();
    const status = await hosting.ended(sagaId);
    expect(status).toMatchObject({ state: 'completed' });
    expect(seen).toEqual([1, 1, 1, 1]);
    expect(hosted.stateOf(status.stepResults)['stops']).toHaveLength(2);
  });
});
