import { afterEach, expect, test } from '@jest/globals';
import { WorkflowBuilder } from '@counterstep/core';
import { Fleet, reached, succeed } from '../support/fleet.js';
import { waitFor } from '../support/wait-for.js';

const order = new WorkflowBuilder('order').addStep('pick', 'stock.pick', { readOnly: true }).build();

let fleet: Fleet;

afterEach(() => fleet.close());

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
