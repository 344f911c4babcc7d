import { afterEach } from '@jest/globals';
import { MemoryBroker, type Bus, type MemoryFaults } from '@counterstep/bus';
import type { SagaStatus } from '@counterstep/core';
import { MemoryStore, Orchestrator } from '@counterstep/engine';
import {
  commandSchema,
  decodeMessage,
  heartbeatSchema,
  topicsOf,
  type Command,
  type Heartbeat,
} from '@counterstep/protocol';
import {
  MemoryBarrier,
  createWorker,
  type HostedSteps,
  type ProgressSink,
  type Worker,
} from '../src/index.js';

export interface HostingOptions {
  readonly sink?: ProgressSink;
  readonly drainMs?: number;
  readonly faults?: MemoryFaults;
}

/** An orchestrator and a worker that hosts steps, with a bus, a store and a barrier in memory. */
export class Hosting {
  /** The commands that were sent, in that order. */
  readonly commands: Command[] = [];
  /** The heartbeats that came, in that order. */
  readonly heartbeats: Heartbeat[] = [];
  readonly #bus: Bus;
  readonly #workerBus: Bus;
  readonly #barrier = new MemoryBarrier();
  readonly #queues: readonly string[];
  #worker: Worker;

  private constructor(
    readonly broker: MemoryBroker,
    readonly hosted: readonly HostedSteps<unknown>[],
    readonly orchestrator: Orchestrator,
    bus: Bus,
    readonly options: HostingOptions,
  ) {
    this.#bus = bus;
    this.#workerBus = broker.connect();
    this.#queues = [
      ...new Set(hosted.flatMap(({ workflow }) => workflow.allSteps().map(({ queue }) => queue))),
    ];
    this.#worker = this.#newWorker();
  }

  static async open(
    hosted: HostedSteps<unknown> | readonly HostedSteps<unknown>[],
    options: HostingOptions = {},
  ): Promise<Hosting> {
    const all = [hosted].flat() as readonly HostedSteps<unknown>[];
    const broker = new MemoryBroker(options.faults && { faults: options.faults });
    const bus = broker.connect();
    const stateStore = new MemoryStore();
    const workflows = all.map(({ workflow }) => workflow);
    const orchestrator = new Orchestrator({ workflows, eventBus: bus, stateStore });
    await orchestrator.start();
    const hosting = new Hosting(broker, all, orchestrator, bus, options);
    hosting.#listen();
    await hosting.#worker.start();
    await hosting.#worker.ready();
    return hosting;
  }

  /** Stops the worker as for a new release, and starts the next one, which has the same barrier. */
  async restartWorker(): Promise<void> {
    await this.#worker.stop();
    this.#worker = this.#newWorker();
    await this.#worker.start();
  }

  start(input: object = {}): Promise<string> {
    const [first] = this.hosted;
    if (!first) throw new Error('nothing is hosted');
    return this.orchestrator.executeWorkflow(first.workflow.name, { ...input });
  }

  async run(input: object = {}): Promise<SagaStatus> {
    return this.ended(await this.start(input));
  }

  async ended(sagaId: string): Promise<SagaStatus> {
    return this.until(
      sagaId,
      ({ state, attention }) => !['pending', 'running'].includes(state) || attention.length > 0,
    );
  }

  /** The status, once it is so. The test's own time limit ends the wait. */
  async until(sagaId: string, isSo: (status: SagaStatus) => boolean): Promise<SagaStatus> {
    for (;;) {
      const status = await this.orchestrator.getStatus(sagaId);
      if (isSo(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await this.orchestrator.stop();
    await this.#workerBus.close({ drainMs: 0 });
    await this.#bus.close({ drainMs: 0 });
  }

  #newWorker(): Worker {
    const { sink, drainMs = 0 } = this.options;
    return createWorker({
      bus: this.#workerBus,
      barrier: this.#barrier,
      handlers: this.hosted.flatMap(({ handlers }) => handlers),
      drainMs,
      graceMs: 1_000,
      ...(sink && { sink }),
    });
  }

  #listen(): void {
    const topics = topicsOf('counterstep');
    this.#bus.listen({
      topics: [topics.replies, ...this.#queues.map((queue) => topics.commands(queue))],
      onMessages: (messages) => {
        for (const { value } of messages) {
          const command = decodeMessage(commandSchema, value);
          if (command.ok) this.commands.push(command.message);
          const heartbeat = decodeMessage(heartbeatSchema, value);
          if (heartbeat.ok) this.heartbeats.push(heartbeat.message);
        }
      },
    });
  }
}

/** Opens hostings that are closed after each test. Open one at a time. */
export function hostings(): (
  hosted: HostedSteps<unknown> | readonly HostedSteps<unknown>[],
  options?: HostingOptions,
) => Promise<Hosting> {
  const opened: Hosting[] = [];
  afterEach(async () => {
    for (const hosting of opened.splice(0)) await hosting.close();
  });
  return async (hosted, options) => {
    const hosting = await Hosting.open(hosted, options);
    opened.push(hosting);
    return hosting;
  };
}
