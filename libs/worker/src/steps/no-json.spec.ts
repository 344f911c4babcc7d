import { describe, expect, test } from '@jest/globals';
import { BaseStepContext, StepRegistry, type StepResult } from '@counterstep/steps';
import { TRIP, ok } from '../../test-support/hosted-steps.js';
import { hostings } from '../../test-support/hosting.js';
import { toWorkflow, type HostedRuntime } from '../index.js';

const open = hostings();

describe('a context or result that cannot travel', () => {
  class Carrier extends BaseStepContext {
    load: unknown = null;
  }
  let undone: unknown[] = [];
  const carry = async (execute: (context: Carrier) => StepResult, options: object = {}) => {
    undone = [];
    const registry = new StepRegistry<Carrier>().register({
      name: 'carry',
      progressWeight: 1,
      canSkip: () => false,
      execute,
      rollback: (_context, { success, rollbackData }) => void undone.push({ success, rollbackData }),
    });
    const createContext = (runtime: HostedRuntime) => new Carrier(runtime);
    const hosting = await open(
      toWorkflow('carrier', registry, { ...TRIP, local: [], createContext, ...options }),
    );
    return hosting.run();
  };

  test.each<[unknown, string]>([
    [{ at: new Date() }, 'it cannot travel: load.at: an instance of Date is no plain data'],
    [() => 1, 'it cannot travel: load: a function is no JSON'],
    [[undefined], 'it cannot travel: load.0: undefined is no JSON'],
  ])('fails the step with the path, and the step is rolled back (%#)', async (load, message) => {
    const status = await carry((context) => {
      context.load = load;
      return ok({}, { id: 7 });
    });
    expect(status).toMatchObject({ state: 'compensated', cause: { code: 'CONTEXT_NOT_JSON', message } });
    expect(undone).toEqual([{ success: false, rollbackData: { id: 7 } }]);
  });

  test('is refused before the step begins, if it was so then', async () => {
    let executed = 0;
    const createContext = (runtime: HostedRuntime) =>
      Object.assign(new Carrier(runtime), { load: new Map() });
    const status = await carry(() => ((executed += 1), ok()), { createContext });
    expect(status).toMatchObject({ cause: { code: 'CONTEXT_NOT_JSON' } });
    expect([executed, undone]).toEqual([0, []]);
  });

  test.each<[string, (carrier: Carrier) => unknown]>([
    ['is read only', (carrier) => Object.defineProperty(carrier, 'load', { writable: false })],
    ['is a getter of its own', (carrier) => Object.defineProperty(carrier, 'load', { get: () => 1 })],
  ])('is refused before the step begins when a field %s, unless it need not travel', async (_what, fix) => {
    let executed = 0;
    const createContext = (runtime: HostedRuntime) => {
      const carrier = new Carrier(runtime);
      fix(carrier);
      return carrier;
    };
    const execute = () => ((executed += 1), ok());
    const status = await carry(execute, { createContext });
    const message = expect.stringContaining('load: it is read only, or a getter');
    expect(status).toMatchObject({ cause: { code: 'CONTEXT_NOT_JSON', message } });
    expect([executed, undone]).toEqual([0, []]);
    expect(await carry(execute, { createContext, local: ['load'] })).toMatchObject({ state: 'completed' });
  });

  test('is refused too when it is in the data of the result, or in what the rollback needs', async () => {
    const inData = await carry(() => ok({ rows: [{ id: 5n }] }, { id: 7 }));
    const message = 'it cannot travel: data.rows.0.id: a bigint is no JSON';
    expect(inData).toMatchObject({ cause: { code: 'RESULT_NOT_JSON', message } });
    expect(undone).toEqual([{ success: false, rollbackData: { id: 7 } }]);
    const inUndo = await carry(() => ok({}, { made: new Set() }));
    expect(inUndo).toMatchObject({
      cause: { code: 'RESULT_NOT_JSON', message: expect.stringContaining('rollbackData.made') },
    });
    expect(undone).toEqual([{ success: false, rollbackData: {} }]);
  });

  test('fails the step when it is too large for the next command, while it can still be undone', async () => {
    const grow = (context: Carrier) => {
      context.load = 'x'.repeat(5_000);
      return ok({}, { id: 7 });
    };
    const status = await carry(grow, { maxStateBytes: 4_000 });
    expect(status).toMatchObject({
      state: 'compensated',
      attention: [],
      cause: {
        code: 'CONTEXT_TOO_LARGE',
        message: expect.stringMatching(/ 5\d\d\d bytes, 4000 are allowed/),
      },
    });
    expect(undone).toEqual([{ success: false, rollbackData: { id: 7 } }]);
    expect(await carry(grow)).toMatchObject({ state: 'completed' });
  });
});
