import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Bus, OutgoingMessage, RefusedMessage } from '@counterstep/bus';
import { StateStoreError, WorkflowBuilder } from '@counterstep/core';
import { MemoryStore, type DeadLane } from '@counterstep/engine';
import { Fleet, reached, succeed } from '../support/fleet.js';
import { waitFor } from '../support/wait-for.js';

const order = new WorkflowBuilder('order')
  .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: 600_000 })
  .build();

let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
});

afterEach(() => fleet.close());

/** Sagas that a process has committed, and whose commands it never sent. */
async function leftByTheDead(count: number): Promise<string[]> {
  const dying = await fleet.join([order]);
  fleet.broker.available = false;
  const sagaIds = await Promise.all(
    Array.from({ length: count }, () => dying.orchestrator.executeWorkflow('order', {})),
  );
  await fleet.kill(dying);
  fleet.broker.available = true;
  return sagaIds;
}

describe('the lane of a process that died', () => {
  test('holds the saga whose message the broker refuses, and sends the others', async () => {
    const [victim, other] = (await leftByTheDead(2)) as [string, string];
    fleet.respond(() => succeed(), 'stock');
    const { orchestrator } = await fleet.join([order], {
      eventBus: refusing(fleet.broker.connect(), victim),
    });
    expect(await reached(orchestrator, victim, 'attention')).toMatchObject({
      attention: [{ code: 'MESSAGE_TOO_LARGE', message: 'no broker would take it' }],
    });
    await reached(orchestrator, other, 'completed');
  });

  test('that cannot be forgotten now is let go of, for whoever comes next', async () => {
    const [sagaId] = (await leftByTheDead(1)) as [string];
    fleet.respond(() => succeed(), 'stock');
    const store = new Forgetful({ database: fleet.database });
    const { orchestrator } = await fleet.joinOn(store, [order]);
    await reached(orchestrator, sagaId, 'completed');
    await waitFor(() => store.failures > 1, { what: 'it was tried again' });
    store.isAble = true;
    // What is left is the lane of the one that lives.
    await waitFor(() => fleet.database.lanes.size === 1, { what: 'the lane is forgotten' });
  });
});

/** Refuses the commands of one saga from now on. */
function refusing(bus: Bus, sagaId: string): Bus {
  const publish = bus.publish.bind(bus);
  const isBad = ({ topic, key }: OutgoingMessage): boolean => topic.includes('commands') && key === sagaId;
  return Object.assign(bus, {
    publish: async (messages: readonly OutgoingMessage[]): Promise<RefusedMessage[]> => {
      const refused = messages.filter(isBad).map((message) => ({
        message,
        code: 'MESSAGE_TOO_LARGE' as const,
        reason: 'no broker would take it',
      }));
      return [...refused, ...(await publish(messages.filter((message) => !isBad(message))))];
    },
  });
}

/** Its connection breaks when it shall forget a lane. */
class Forgetful extends MemoryStore {
  failures = 0;
  isAble = false;

  override async takeDeadLane(): Promise<DeadLane | undefined> {
    const dead = await super.takeDeadLane();
    return (
      dead && {
        ...dead,
        done: async () => {
          if (this.isAble) return dead.done();
          this.failures += 1;
          throw new StateStoreError('CONNECTION_LOST', 'the connection was lost');
        },
      }
    );
  }
}
