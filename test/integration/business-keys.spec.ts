import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBroker } from '@counterstep/bus';
import { WorkflowBuilder, type WorkflowExecutionError } from '@counterstep/core';
import { Orchestrator, type StartOptions } from '@counterstep/engine';
import { PostgresStore, migrate } from '@counterstep/store';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { Responder } from '../support/responder.js';
import { waitFor } from '../support/wait-for.js';

jest.setTimeout(30_000);

const order = new WorkflowBuilder('order')
  .addStep('pick', 'stock.pick', { readOnly: true, attemptTimeout: 600_000 })
  .build();

let database: FreshDatabase;
let broker: MemoryBroker;
let orchestrators: Orchestrator[];
let responder: Responder;
let silent: boolean;

beforeEach(async () => {
  database = await freshDatabase();
  await migrate(database.url);
  broker = new MemoryBroker();
  orchestrators = [1, 2].map(
    () =>
      new Orchestrator({
        workflow: order,
        eventBus: broker.connect(),
        stateStore: new PostgresStore({ url: database.url }),
        lanes: 2,
      }),
  );
  await Promise.all(orchestrators.map((each) => each.start()));
  silent = true;
  responder = new Responder(broker.connect(), () =>
    silent ? undefined : { outcome: 'succeeded', data: { output: {} } },
  ).listen('stock');
});

afterEach(async () => {
  await responder.close();
  await Promise.all(orchestrators.map((each) => each.stop()));
  await database.drop();
});

type Policy = NonNullable<StartOptions['businessKey']>['policy'];
interface Answer {
  /** The saga that it got, or that stood in its way. */
  sagaId: string;
  kind: 'started' | 'existing' | 'refused';
}

/** 100 starts at once, half of them at each orchestrator; each with a request id of its own, which is asked twice. */
async function startAll(policy: Policy, round: string, key = 'o-1'): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: 100 }, async (_, n): Promise<Answer> => {
      const orchestrator = orchestrators[n % 2] as Orchestrator;
      const options = { requestId: `${round}/${n >> 2}`, businessKey: { key, policy } };
      try {
        const { sagaId, existed } = await orchestrator.startSaga('order', {}, options);
        return { sagaId, kind: existed ? 'existing' : 'started' };
      } catch (error) {
        const { code, facts } = error as WorkflowExecutionError;
        expect(code).toBe('BUSINESS_KEY_TAKEN');
        return { sagaId: String(facts['sagaId']), kind: 'refused' };
      }
    }),
  );
}

const countOf = (answers: Answer[], kind: Answer['kind']): number =>
  answers.filter((answer) => answer.kind === kind).length;
const sagas = async () => (await (orchestrators[0] as Orchestrator).list({ limit: 1_000 })).length;

describe('100 starts of one business key at once, over two orchestrators on Postgres', () => {
  it.each<Policy>(['reject', 'returnExisting', 'startIfClosed'])(
    'under `%s` start exactly one saga, and all are told of it',
    async (policy) => {
      const answers = await startAll(policy, 'first');
      expect(await sagas()).toBe(1);
      expect(countOf(answers, 'started')).toBe(1);
      expect(new Set(answers.map(({ sagaId }) => sagaId)).size).toBe(1);
      if (policy === 'returnExisting') expect(countOf(answers, 'refused')).toBe(0);
      // Of the four that share the request id of the one that started, none is refused.
      else expect(countOf(answers, 'refused')).toBe(96);
    },
  );

  it('under `startIfClosed` start exactly one more each time that the saga has ended', async () => {
    silent = false;
    const seen = new Set<string>();
    for (let round = 1; round <= 5; round += 1) {
      const answers = await startAll('startIfClosed', `round ${round}`);
      for (const { sagaId, kind } of answers) {
        if (kind === 'started') seen.add(sagaId);
      }
      // It may end while others still ask, and then one more starts.
      expect(await sagas()).toBe(seen.size);
      expect(seen.size).toBeGreaterThanOrEqual(round);
      await waitFor(
        async () => {
          const rows = await (orchestrators[0] as Orchestrator).list({ limit: 1_000 });
          return rows.every(({ state }) => state === 'completed');
        },
        { what: 'all sagas end' },
      );
    }
  });
});
