import { expect, it } from '@jest/globals';
import { MemoryBroker } from '@counterstep/bus';
import { WorkflowBuilder } from '@counterstep/core';
import { Orchestrator, type Logger } from '@counterstep/engine';
import { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

const broken = (): never => {
  throw new Error('the disk is full');
};
const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken };

const order = new WorkflowBuilder('order')
  .addStep('reserve', 'inventory.reserve', 'inventory.release')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .build();

it.each([
  ['succeeded', 'completed'],
  ['rejected', 'compensated'],
] as const)(
  'an orchestrator whose logger throws: when a step ends %s, the saga ends %s',
  async (outcome, state) => {
    const broker = new MemoryBroker();
    const bus = broker.connect();
    // Without a store it warns.
    const orchestrator = new Orchestrator({ workflow: order, eventBus: bus, logger });
    await orchestrator.start();
    const responder = new Responder(broker.connect(), ({ worker }) =>
      worker === 'payments.charge' && outcome === 'rejected'
        ? { outcome, data: { error: { code: 'NO_FUNDS', message: 'no funds' } } }
        : { outcome: 'succeeded', data: { output: {} } },
    ).listen('inventory', 'payments');
    const sagaId = await orchestrator.executeWorkflow('order', {});
    const ended = async (): Promise<string | false> => {
      const now = (await orchestrator.getStatus(sagaId)).state;
      return now !== 'pending' && now !== 'running' && now;
    };
    expect(await waitFor(ended, { what: 'the end of the saga' })).toBe(state);
    await responder.close();
    await orchestrator.stop();
    await bus.close();
  },
);
