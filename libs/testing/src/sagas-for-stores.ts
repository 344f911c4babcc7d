import { randomBytes } from 'node:crypto';
import { WorkflowBuilder, decide, evolve } from '@counterstep/core';
import type { Fact, HistoryRecord, Saga, SagaEvent, Workflow } from '@counterstep/core';
import type { Batch, CommitResult, Lane, NewKey, Store, Write } from '@counterstep/engine';

/** Two steps with an undo each. */
export const order = new WorkflowBuilder('order')
  .addStep('charge', 'payments.charge', 'payments.refund')
  .addStep('ship', 'shipping.ship', 'shipping.cancel')
  .build() as Workflow;

/** Finishes where it starts: its only step is not taken. */
export const nothing = new WorkflowBuilder('nothing')
  .addConditionalStep('skip', 'stock.count', () => false, { readOnly: true })
  .build() as Workflow;

/** A moment, in milliseconds since the epoch, in the middle of a minute. */
export const NOON = Date.UTC(2030, 0, 1, 12, 0, 30);

/** How long an attempt of the workflows above may take, in milliseconds. */
export const TIMEOUT = 30_000;

let lastId = 0;

/** A UUIDv7; later ones are greater. */
export function newSagaId(): string {
  const time = (NOON + ++lastId).toString(16).padStart(12, '0');
  const random = randomBytes(8).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(0, 12)}`;
}

/** What one or more events made of a saga, not yet numbered for a lane. */
export interface Move {
  readonly expectedVersion: number;
  readonly saga: Saga;
  readonly records: readonly HistoryRecord[];
}

/** What one event made of it. */
export interface OneMove extends Move {
  readonly record: HistoryRecord;
}

/** A saga that is moved by the real `decide`, with all that happened to it so far. */
export class Tale {
  saga: Saga | undefined;
  readonly history: HistoryRecord[] = [];

  constructor(
    readonly workflow: Workflow = order,
    readonly sagaId = newSagaId(),
  ) {}

  start(input: Record<string, string | number> = { amount: 5 }, at = NOON, startAt?: number): OneMove {
    return this.tell({ type: 'start', sagaId: this.sagaId, input, ...(startAt && { startAt }) }, at);
  }

  reply(step: string, output: unknown = { ok: true }, at = NOON): OneMove {
    const attempt = { step, direction: 'forward', run: 1, attempt: 1 } as const;
    return this.tell({ type: 'reply', ...attempt, outcome: 'succeeded', output }, at);
  }

  quarantine(at = NOON): OneMove {
    return this.tell({ type: 'quarantine', code: 'POISON', message: 'refused' }, at);
  }

  /** The whole way to `completed`: one move, several records. */
  complete(): Move {
    const start = this.start();
    const charge = this.reply('charge');
    const ship = this.reply('ship');
    const records = [start.record, charge.record, ship.record];
    return { expectedVersion: 0, saga: ship.saga, records };
  }

  tell(event: SagaEvent, at: number): OneMove {
    const decision = decide(this.workflow, this.saga, event, { now: at, random: 0.5 });
    if (decision.kind !== 'applied') throw new Error(`${event.type}: ${JSON.stringify(decision)}`);
    return this.moved(decision.saga, decision.record);
  }

  /** A record that `decide` does not make, or not yet. */
  add(facts: readonly Fact[], at = NOON): OneMove {
    const record = { seq: (this.saga?.version ?? 0) + 1, at, event: 'reply', facts };
    return this.moved(evolve(this.saga, this.sagaId, record), record);
  }

  private moved(saga: Saga, record: HistoryRecord): OneMove {
    const expectedVersion = this.saga?.version ?? 0;
    this.saga = saga;
    this.history.push(record);
    return { expectedVersion, saga, record, records: [record] };
  }
}

/** A lane with its counter: numbers records as the engine does. */
export class Writer {
  number = 0;

  constructor(readonly lane: Lane) {}

  static async on(store: Store, digests: readonly string[] = []): Promise<Writer> {
    return new Writer(await store.openLane(digests));
  }

  write({ expectedVersion, saga, records }: Move, ...keys: NewKey[]): Write {
    const numbered = records.map((record) => ({ ...record, lane: this.lane.id, number: ++this.number }));
    return { expectedVersion, saga, records: numbered, keys };
  }

  commit(moves: readonly Move[], more: Partial<Batch> = {}): Promise<CommitResult> {
    return this.commitWrites(
      moves.map((move) => this.write(move)),
      more,
    );
  }

  commitWrites(writes: readonly Write[], more: Partial<Batch> = {}): Promise<CommitResult> {
    return this.lane.commit({ writes, confirmed: 0, park: [], unpark: [], ...more });
  }

  /** Tells the store that the broker has everything. */
  confirmAll(): Promise<CommitResult> {
    return this.commitWrites([], { confirmed: this.number });
  }
}
