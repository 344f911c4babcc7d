import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBroker, type Bus } from '@counterstep/bus';
import type { SagaStatus, Workflow } from '@counterstep/core';
import {
  MemoryDatabase,
  MemoryStore,
  Orchestrator,
  type OrchestratorOptions,
  type Store,
} from '@counterstep/engine';
import type { Command } from '@counterstep/protocol';
import { refuseHanging } from './liveness.js';
import { Responder, type Answer } from './responder.js';
import type { VirtualClock } from './virtual-clock.js';
import { waitFor } from './wait-for.js';

export interface Member<Kept extends Store = MemoryStore> {
  readonly orchestrator: Orchestrator;
  readonly store: Kept;
  readonly bus: Bus;
}

type Options = Partial<Omit<OrchestratorOptions, 'stateStore' | 'workflows'>>;

/** When a fleet on a virtual clock begins: 1 January 2030, noon UTC. */
export const BEGIN = Date.UTC(2030, 0, 1, 12);

/** Orchestrators on one database and one broker in memory, swept often; on a virtual clock, if one is given. */
export class Fleet {
  readonly database: MemoryDatabase;
  readonly broker: MemoryBroker;
  private readonly cleanups: (() => Promise<unknown>)[] = [];

  constructor(private readonly clock?: VirtualClock) {
    const now = clock && { now: () => BEGIN + clock.now() };
    this.database = new MemoryDatabase(now);
    this.broker = new MemoryBroker({ partitions: 1, ...now });
  }

  /** One more, started. */
  join(workflows: readonly Workflow[], options: Options = {}): Promise<Member> {
    return this.joinOn(new MemoryStore({ database: this.database }), workflows, options);
  }

  /** One more, on a store of the test's own. */
  async joinOn<Kept extends Store>(
    store: Kept,
    workflows: readonly Workflow[],
    options: Options = {},
  ): Promise<Member<Kept>> {
    const bus = options.eventBus ?? this.broker.connect();
    const orchestrator = new Orchestrator({
      ...(this.clock ? { clock: this.clock, sweepInterval: 5_000 } : { sweepInterval: 20 }),
      ...options,
      workflows,
      eventBus: bus,
      stateStore: store,
    });
    await orchestrator.start();
    this.cleanups.push(async () => {
      await orchestrator.stop().catch(() => undefined);
      await bus.close({ drainMs: 0 });
    });
    return { orchestrator, store, bus };
  }

  /** As if its process died now. */
  async kill({ store, bus }: Member): Promise<void> {
    store.crash();
    await bus.close({ drainMs: 0 });
  }

  /** Workers on these queues. */
  respond(answer: (command: Command) => Answer | undefined, ...queues: string[]): Responder {
    const bus = this.broker.connect();
    const responder = new Responder(bus, answer).listen(...queues);
    this.cleanups.push(async () => {
      await responder.close();
      await bus.close({ drainMs: 0 });
    });
    return responder;
  }

  /** Lets so much virtual time pass, and at each moment whatever follows from it happen. */
  async pass(ms: number): Promise<void> {
    const { clock } = this;
    if (!clock) throw new Error('this fleet is on the real clock');
    const end = clock.now() + ms;
    for (await settled(); clock.now() < end; await settled())
      clock.advance(Math.min(clock.untilNext(), end - clock.now()));
  }

  /** Rejects when a saga hangs. */
  async close(): Promise<void> {
    for (const cleanup of this.cleanups.splice(0).reverse()) await cleanup();
    refuseHanging(this.database.hanging(10));
  }
}

/** What is under way in this process has happened: nothing here waits for more than some turns of the event loop. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 60; turns += 1) await turn();
}

export const succeed = (output: unknown = {}): Answer => ({ outcome: 'succeeded', data: { output } });

/** The saga's status once it is in this state or phase. */
export async function reached(
  orchestrator: Orchestrator,
  sagaId: string,
  goal: SagaStatus['state'] | SagaStatus['phase'],
): Promise<SagaStatus> {
  return waitFor(
    async () => {
      const status = await orchestrator.getStatus(sagaId);
      return (status.state === goal || status.phase === goal) && status;
    },
    { what: `saga ${sagaId} is ${goal}` },
  );
}
