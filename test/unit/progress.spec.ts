import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowBuilder, type SagaStatus, type Workflow } from '@counterstep/core';
import { encodeMessage, topicsOf, type Command } from '@counterstep/protocol';
import { Fleet, settled, succeed, type Member } from '../support/fleet.js';
import { Teller } from '../support/teller.js';
import { VirtualClock } from '../support/virtual-clock.js';
import type { Responder } from '../support/responder.js';

const import_ = new WorkflowBuilder('import')
  .withRetryConfig({ maxRetries: 2, initialDelay: 1_000 })
  .addStep('fetch', 'files.fetch', { progressWeight: 1, readOnly: true, attemptTimeout: 3_600_000 })
  .addStep('load', 'files.load', { progressWeight: 3, readOnly: true, attemptTimeout: 3_600_000 })
  .build() as Workflow;

describe('what handlers tell, over two orchestrators', () => {
  let clock: VirtualClock;
  let fleet: Fleet;
  let members: Member[];
  let responder: Responder;
  let teller: Teller;
  let sagaId: string;

  beforeEach(async () => {
    clock = new VirtualClock();
    fleet = new Fleet(clock);
    members = [await fleet.join([import_]), await fleet.join([import_])];
    await settled();
    responder = fleet.respond(() => undefined, 'files');
    const bus = fleet.broker.connect();
    teller = new Teller(bus);
    sagaId = await start();
    await fleet.pass(1);
  });
  afterEach(() => fleet.close());

  const start = (): Promise<string> => (members[0] as Member).orchestrator.executeWorkflow('import', {});
  const lastCommand = (): Command => responder.received.at(-1) as Command;
  /** As each orchestrator shows it. */
  const shown = async (): Promise<SagaStatus[]> => {
    await settled();
    return Promise.all(members.map(({ orchestrator }) => orchestrator.getStatus(sagaId)));
  };
  const both = (status: object): object[] =>
    [status, status].map((each) => expect.objectContaining(each) as object);

  test('is shown by both, also by the one that does not run the saga', async () => {
    const command = lastCommand();
    await teller.tell(command, {
      progress: [{ category: 'fetch', current: 1, total: 2 }],
      metrics: [{ category: 'net', values: { bytes: 7 } }],
      logs: [{ at: '2030-01-01T00:00:00.000Z', event: 'opened', data: { size: 9 }, file: 'a.csv' }],
      dropped: 4,
    });
    expect(await shown()).toEqual(
      both({
        progress: 12,
        logsDropped: 4,
        logs: [
          {
            at: '2030-01-01T00:00:00.000Z',
            step: 'fetch',
            direction: 'forward',
            attempt: 1,
            event: 'opened',
            data: { size: 9 },
            file: 'a.csv',
          },
        ],
        steps: [
          expect.objectContaining({
            name: 'fetch',
            progress: [expect.objectContaining({ category: 'fetch', current: 1, total: 2 })],
            metrics: [expect.objectContaining({ category: 'net', values: { bytes: 7 } })],
          }),
        ],
      }),
    );
    await responder.reply(command, succeed());
    expect(await shown()).toEqual(both({ progress: 25 }));
    await fleet.pass(1);
    await teller.progress(lastCommand(), 99, 99);
    expect(await shown()).toEqual(both({ progress: 99, state: 'running' }));
    await responder.reply(lastCommand(), succeed());
    expect(await shown()).toEqual(both({ progress: 100, state: 'completed' }));
  });

  test('does not go back with another attempt, and the former one is not heard any more', async () => {
    const first = lastCommand();
    await teller.progress(first, 8, 10);
    expect(await shown()).toEqual(both({ progress: 20 }));
    const error = { code: 'BUSY', message: 'busy' };
    await responder.reply(first, { outcome: 'failed', data: { error } });
    await fleet.pass(10_000);
    const second = lastCommand();
    expect(second.attempt).toBe(2);
    await new Teller(fleet.broker.connect()).progress(second, 1, 10);
    await teller.progress(first, 9, 10);
    for (const status of await shown()) {
      expect(status.progress).toBe(20);
      expect(status.steps[0]?.progress).toMatchObject([{ current: 1 }]);
    }
  });

  test.each<[string, (command: Command) => Promise<unknown>]>([
    [
      'with a token that is not its own',
      (command) => teller.progress(command, 9, 10, { replytoken: 'guessed' }),
    ],
    ['for a run that was never sent', (command) => teller.progress(command, 9, 10, { run: 2 })],
    ['for another step', (command) => teller.progress(command, 9, 10, { step: 'load' })],
    ['for another worker', (command) => teller.progress(command, 9, 10, { worker: 'files.load' })],
    ['too long', (command) => teller.log(command, 'e', { text: 'x'.repeat(66_000) })],
    ['in words that are not ours', (command) => teller.tell(command, { progress: 'all' } as never)],
  ])('is not believed %s, and what comes after it is', async (_, lie) => {
    const command = lastCommand();
    await lie(command);
    const { progress: topic } = topicsOf('counterstep');
    const bus = fleet.broker.connect();
    await bus.publish([{ topic, key: sagaId, value: encodeMessage({ none: true }) }]);
    await bus.publish([{ topic, key: sagaId, value: Buffer.from([0xff, 0x00]) }]);
    expect(await shown()).toEqual(both({ progress: 0, logs: [] }));
    await new Teller(bus).progress(command, 1, 10);
    expect(await shown()).toEqual(both({ progress: 2 }));
  });

  test('is forgotten some minutes after the saga has ended, and not before, whoever ended it', async () => {
    await teller.log(lastCommand(), 'opened');
    await settled();
    await fleet.pass(20 * 60_000);
    expect((await shown()).map(({ logs }) => logs.length)).toEqual([1, 1]);
    await responder.reply(lastCommand(), succeed());
    await fleet.pass(1);
    await responder.reply(lastCommand(), succeed());
    await fleet.pass(4 * 60_000);
    expect((await shown()).map(({ state, logs }) => [state, logs.length])).toEqual([
      ['completed', 1],
      ['completed', 1],
    ]);
    await fleet.pass(4 * 60_000);
    expect((await shown()).map(({ logs }) => logs.length)).toEqual([0, 0]);
  });

  test('is not forgotten because the store was away for a while', async () => {
    await teller.log(lastCommand(), 'opened');
    await settled();
    const [{ store }] = members as [Member];
    const ask = store.finishedAmong.bind(store);
    store.finishedAmong = () => Promise.reject(new Error('away'));
    await fleet.pass(10 * 60_000);
    store.finishedAmong = ask;
    expect((await shown()).map(({ logs }) => logs.length)).toEqual([1, 1]);
  });

  test('leaves nothing in the history', async () => {
    const [{ orchestrator }] = members as [Member];
    const before = await orchestrator.getHistory(sagaId);
    for (let n = 0; n < 20; n += 1) await teller.progress(lastCommand(), n, 20);
    await shown();
    expect(await orchestrator.getHistory(sagaId)).toEqual(before);
  });
});
