import { afterEach, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { memoryApp, type AppInProcess } from '../support/app-in-process.js';
import { Fleet, reached, succeed } from '../support/fleet.js';
import { waitFor } from '../support/wait-for.js';

const order = new WorkflowBuilder('order').addStep('pick', 'stock.pick', { readOnly: true }).build();
const approved = new WorkflowBuilder('approved').waitForSignal('yes', { timeout: 3_600_000 }).build();

let fleet: Fleet | undefined;
let app: AppInProcess | undefined;

afterEach(async () => {
  await Promise.all([fleet?.close(), app?.stop()]);
  fleet = undefined;
  app = undefined;
});

test('with the broker away, what is committed and not sent counts: starts are refused before memory runs out', async () => {
  fleet = new Fleet();
  const { orchestrator, store } = await fleet.join([order], { maxBacklog: 20 });
  fleet.respond(() => succeed(), 'stock');
  await reached(orchestrator, await orchestrator.executeWorkflow('order', {}), 'completed');
  await waitFor(() => orchestrator.health().backlog === 0, { what: 'all is sent' });
  fleet.broker.available = false;
  const started: string[] = [];
  const refusal = await waitFor(
    () =>
      orchestrator.executeWorkflow('order', {}).then(
        (sagaId) => {
          started.push(sagaId);
          return undefined;
        },
        (error: unknown) => error as Error,
      ),
    { what: 'a refusal', everyMs: 1 },
  );
  expect(refusal).toMatchObject({ code: 'OVERLOADED', retryable: true });
  expect(started).toHaveLength(20);
  expect(orchestrator.health().backlog).toBe(20);
  expect(await store.list({ limit: 100 })).toHaveLength(21);
  fleet.broker.available = true;
  for (const sagaId of started) await reached(orchestrator, sagaId, 'completed');
  await waitFor(() => orchestrator.health().backlog === 0, { what: 'all is sent' });
  await orchestrator.executeWorkflow('order', {});
});

test('what waits for a batch counts too: of many starts at once those above the limit are refused, and none is lost', async () => {
  fleet = new Fleet();
  const { orchestrator, store } = await fleet.join([order], { maxBacklog: 20 });
  fleet.respond(() => succeed(), 'stock');
  const asked = await Promise.allSettled(
    Array.from({ length: 30 }, () => orchestrator.executeWorkflow('order', {})),
  );
  const started = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  expect(started).toHaveLength(20);
  expect(refused).toHaveLength(10);
  for (const each of refused) expect(each).toMatchObject({ code: 'OVERLOADED', retryable: true });
  expect(await store.list({ limit: 100 })).toHaveLength(20);
  for (const sagaId of started) await reached(orchestrator, sagaId, 'completed');
});

test('signals are refused like starts, and what a person asks for gets in', async () => {
  fleet = new Fleet();
  const { orchestrator } = await fleet.join([approved, order], { maxBacklog: 5 });
  const sagaId = await orchestrator.executeWorkflow('approved', {});
  await waitFor(() => orchestrator.health().backlog === 0, { what: 'all is sent' });
  fleet.broker.available = false;
  for (let i = 0; i < 5; i += 1) await orchestrator.executeWorkflow('order', {});
  await expect(orchestrator.signal(sagaId, 'yes')).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(await orchestrator.cancelWorkflow(sagaId)).toBe(true);
  fleet.broker.available = true;
  await reached(orchestrator, sagaId, 'cancelled');
});

test('over HTTP a start that is refused for that is a 503, which says when to ask again', async () => {
  app = await memoryApp().start([], { maxBacklog: 5 });
  app.broker.available = false;
  const answers = [];
  for (let i = 0; i < 6; i += 1) answers.push(await app.order());
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 503]);
  const [refused] = answers.slice(-1);
  expect(refused?.body).toMatchObject({ status: 503, code: 'OVERLOADED' });
  expect(refused?.headers.get('retry-after')).toBe('1');
  app.broker.available = true;
  for (const { body } of answers.slice(0, 5)) await app.ended(String(body['sagaId']), 'completed');
});
