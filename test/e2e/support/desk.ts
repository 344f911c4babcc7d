import { historySchema, sagaPageSchema, sagaSchema } from '@counterstep/protocol';
import type { HistoryBody, SagaBody, SagaSummary } from '@counterstep/protocol';
import { waitFor } from '../../support/wait-for.js';
import type { AppProcess } from './processes.js';
import type { OrchestratorProcess, System } from './system.js';

/** What the worker does at a step, or at `step:undo`: the words of apps/desk-worker.mjs. */
export type Plan = Readonly<Record<string, readonly string[]>>;
export type Fact = HistoryBody['items'][number]['facts'][number];

/** The worker that does what a saga's input tells it, and the tables in which it says what it did. */
export class Desk {
  private constructor(private readonly system: System) {}

  static async open(system: System): Promise<Desk> {
    await system.db.query(
      `create table effect (id bigint generated always as identity, saga_id text not null, step text not null,
         direction text not null, effect_key text not null, attempt int not null, note jsonb not null);
       create table arrival (saga_id text not null, gate text not null, attempt int not null);
       create table gate (saga_id text not null, name text not null);`,
    );
    return new Desk(system);
  }

  startWorker(): AppProcess {
    return this.system.startScript('test/e2e/apps/desk-worker.mjs');
  }

  start(orchestrator: OrchestratorProcess, workflow: string, plan: Plan = {}, more = {}): Promise<string> {
    return orchestrator.start(workflow, { ...more, plan });
  }

  /** Lets the handler of that step (`step:undo`: of its compensation) go on. */
  async openGate(sagaId: string, name: string): Promise<void> {
    await this.system.db.query('insert into gate (saga_id, name) values ($1, $2)', [sagaId, name]);
  }

  /** Resolves when that handler runs, or what it heard was that. */
  async arrived(sagaId: string, gate: string): Promise<void> {
    await waitFor(
      async () => {
        const query = 'select from arrival where saga_id = $1 and gate = $2';
        return ((await this.system.db.query(query, [sagaId, gate])).rowCount ?? 0) > 0;
      },
      { what: `${gate} of ${sagaId} runs`, timeoutMs: 60_000 },
    );
  }

  /** What was done for a saga, in that order: `charge`, `undo charge`. */
  async ledger(sagaId: string): Promise<string[]> {
    return (await this.effects(sagaId)).map(({ step, direction }) =>
      direction === 'undo' ? `undo ${step}` : step,
    );
  }

  /** Resolves when the ledger has this line so often. */
  async wrote(sagaId: string, line: string, times = 1): Promise<void> {
    await waitFor(async () => (await this.ledger(sagaId)).filter((each) => each === line).length >= times, {
      what: `${line} of ${sagaId}, ${times} times`,
      timeoutMs: 60_000,
    });
  }

  /** Steps whose effect stands: the last that was done to it was not its undo. */
  async standing(sagaId: string): Promise<string[]> {
    const last = new Map((await this.effects(sagaId)).map(({ step, direction }) => [step, direction]));
    return [...last].filter(([, direction]) => direction === 'forward').map(([step]) => step);
  }

  /** What the compensation of that step was given. */
  async undoOf(sagaId: string, step: string): Promise<unknown> {
    return (await this.effects(sagaId)).find((each) => each.step === step && each.direction === 'undo')?.note;
  }

  private async effects(
    sagaId: string,
  ): Promise<{ step: string; direction: 'forward' | 'undo'; note: unknown }[]> {
    const query = 'select step, direction, note from effect where saga_id = $1 order by id';
    return (await this.system.db.query(query, [sagaId])).rows as never;
  }
}

export async function sagaOf(orchestrator: OrchestratorProcess, sagaId: string): Promise<SagaBody> {
  return sagaSchema.parse((await orchestrator.request('GET', `/api/v1/sagas/${sagaId}`)).body);
}

export async function factsOf(orchestrator: OrchestratorProcess, sagaId: string): Promise<Fact[]> {
  const { body } = await orchestrator.request('GET', `/api/v1/sagas/${sagaId}/history`);
  return historySchema.parse(body).items.flatMap(({ facts }) => facts);
}

/** The saga as it stands in the inbox, once it waits there for a person with this code. */
export async function inInbox(
  orchestrator: OrchestratorProcess,
  sagaId: string,
  code: string,
): Promise<SagaSummary> {
  return waitFor(
    async () => {
      const { body } = await orchestrator.request('GET', '/api/v1/sagas?attention=true&limit=200');
      const found = sagaPageSchema.parse(body).items.find((item) => item.sagaId === sagaId);
      return found?.attention.some((item) => item.code === code) && found;
    },
    { what: `${code} of ${sagaId} is in the inbox`, timeoutMs: 60_000 },
  );
}
