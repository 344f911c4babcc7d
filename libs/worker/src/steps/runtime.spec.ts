import { describe, expect, test } from '@jest/globals';
import { TRIP, ok, registryOf, step } from '../../test-support/hosted-steps.js';
import { hostings } from '../../test-support/hosting.js';
import { toWorkflow, type HostedRuntime, type ProgressSink } from '../index.js';

const open = hostings();

describe('the runtime of a hosted step', () => {
  test('sends progress, metrics and logs on, and knows the saga', async () => {
    const told: unknown[] = [];
    const sink: ProgressSink = {
      progress: (command, ...rest) => told.push(['progress', command.step, ...rest]),
      log: (command, ...rest) => told.push(['log', command.step, ...rest]),
      metrics: (command, ...rest) => told.push(['metrics', command.step, ...rest]),
    };
    let runtime: HostedRuntime | undefined;
    const talk = step('talk', {
      execute: (context) => {
        runtime = context.hosted;
        context.setProgress(1, 4);
        context.setProgress(2, 4, 'files');
        context.setMetrics({ rows: 3, model: 'linear' });
        context.log('hello', { to: 'you' }, 'a.txt');
        return ok({ home: runtime.env['HOME'], id: typeof runtime.client.uploadFile });
      },
    });
    const hosted = toWorkflow('trip', registryOf(talk), { ...TRIP, env: { HOME: '/home' } });
    const hosting = await open(hosted, { sink });
    const { sagaId, stepResults } = await hosting.run();
    expect(told).toEqual([
      ['progress', 'talk', 1, 4, 'talk'],
      ['progress', 'talk', 2, 4, 'files'],
      ['metrics', 'talk', { rows: 3, model: 'linear' }, 'talk'],
      ['log', 'talk', 'hello', { to: 'you' }, 'a.txt'],
    ]);
    expect(stepResults['talk']).toMatchObject({ data: { home: '/home', id: 'function' } });
    expect(runtime).toMatchObject({
      sagaId,
      attempt: 1,
      effectKey: hosting.commands[0]?.effectkey,
    });
  });

  test('says that there is no file client, unless one is given', async () => {
    const upload = step('upload', {
      execute: async (context) => ok({ id: await context.runtimeCtx.client.uploadFile('a.txt') }),
    });
    const hosting = await open(toWorkflow('trip', registryOf(upload), TRIP));
    expect(await hosting.run()).toMatchObject({
      state: 'compensated',
      error: 'These steps have no file client: pass `client` to toWorkflow.',
    });
    const client = { uploadFile: async () => 'f-1', deleteFile: async () => {} };
    const served = await open(toWorkflow('trip', registryOf(upload), { ...TRIP, client }));
    expect((await served.run()).stepResults['upload']).toMatchObject({ data: { id: 'f-1' } });
  });

  test('takes progress for a sign of life', async () => {
    const alive: unknown[] = [];
    const slow = step('slow', {
      execute: async (context) => {
        context.setProgress(1, 2);
        while (hosting.heartbeats.length === 0) await new Promise(setImmediate);
        alive.push(...hosting.heartbeats.map(({ step, direction, data }) => ({ step, direction, data })));
        return ok();
      },
    });
    const hosting = await open(toWorkflow('trip', registryOf(slow), TRIP));
    expect(await hosting.run()).toMatchObject({ state: 'completed' });
    // No undo data: the orchestrator is told of nothing but life.
    expect(alive).toEqual([{ step: 'slow', direction: 'forward', data: {} }]);
  });
});
