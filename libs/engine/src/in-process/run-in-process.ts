import {
  WorkflowExecutionError,
  carefulSink,
  contextInside,
  dueAt,
  factsOf,
  fold,
  isFinished,
} from '@counterstep/core';
import type { Saga, Workflow } from '@counterstep/core';
import { carefully } from '@counterstep/protocol';
import { systemClock, within } from '../clock.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { MemoryDatabase } from '../memory-database.js';
import { MemoryStore } from '../memory-store.js';
import { Orchestrator } from '../orchestrator.js';
import { Registry } from '../registry.js';
import { SagaReader } from '../saga-reader.js';
import { refuseMissing } from './handlers.js';
import type { InProcessHandlers } from './handlers.js';
import { InProcessBus } from './in-process-bus.js';
import { LocalWorker } from './local-worker.js';
import { checkOptions } from './options.js';
import type { InProcessOptions } from './options.js';
import { PersonNeededError } from './saga-handle.js';
import type { EndedSaga, RunningSaga, SagaHandle } from './saga-handle.js';
import { loggingSink } from './sink.js';
import { snapshot } from './snapshot.js';
import { TellingStore } from './telling-store.js';

/**
 * Runs one saga in this process, without any server, by the decisions of the orchestrator that runs it over Kafka. It is in
 * memory only: a crash of the process loses it, with its effects half done. Rejects before anything has run with
 * `ValidationError` (`HANDLER_MISSING` with all that are missing, `INPUT_INVALID` with the path of each problem,
 * `BAD_OPTIONS`, `PART_OF_WORKFLOW`), and later with `PersonNeededError`.
 */
export function runInProcess<Input, Results, Patches>(
  workflow: Workflow<Input, Results, Patches>,
  handlers: InProcessHandlers,
  input: NoInfer<Input>,
  options: InProcessOptions = {},
): RunningSaga<Input, Results, Patches> {
  const run = new Run(workflow, handlers, options);
  const ended = run.toTheEnd(input) as Promise<EndedSaga<Input, Results, Patches>>;
  return Object.assign(ended, run.handle);
}

const GRACE_MS = 5_000;
const PREFIX = 'counterstep';

/** One orchestrator on a store of its own, and the worker beside it, for the life of one saga. */
class Run {
  readonly handle: SagaHandle;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly database: MemoryDatabase;
  private readonly bus: InProcessBus;
  private readonly worker: LocalWorker;
  private readonly started: Promise<string>;
  private start: (sagaId: string) => void = () => undefined;
  private refuse: (error: unknown) => void = () => undefined;
  /** Undefined before it is open and when the run is over. */
  private orchestrator: Orchestrator | undefined;
  /** As committed last. */
  private saga: Saga | undefined;
  /** Called, and forgotten, when it has moved. */
  private waiting: (() => void)[] = [];

  constructor(
    private readonly workflow: Workflow,
    private readonly handlers: InProcessHandlers,
    private readonly options: InProcessOptions,
  ) {
    const logger = carefully(options.logger);
    const { clock } = options;
    const sink = options.sink ? carefulSink(options.sink, logger) : loggingSink(logger);
    const began = Date.now();
    this.clock = clock ?? systemClock;
    this.logger = logger;
    this.database = new MemoryDatabase(clock && { now: () => began + clock.now() });
    this.worker = new LocalWorker({
      handlers,
      sink,
      logger,
      clock: this.clock,
      say: (message) => this.bus.reply(message),
    });
    this.bus = new InProcessBus(PREFIX, this.worker);
    this.started = new Promise((resolve, reject) => {
      this.start = resolve;
      this.refuse = reject;
    });
    // It is the run's own promise that must be looked at.
    this.started.catch(() => undefined);
    this.handle = this.handleOf();
  }

  async toTheEnd(input: unknown): Promise<EndedSaga> {
    const { signal } = this.options;
    const cancel = (): void => void this.cancelBy(signal);
    try {
      checkOptions(this.options);
      signal?.throwIfAborted();
      signal?.addEventListener('abort', cancel, { once: true });
      const given = snapshot(input);
      await this.open();
      signal?.throwIfAborted();
      this.start(await this.begin(given));
      await this.standstill();
      await this.close();
      return await this.ended();
    } catch (error) {
      this.refuse(error);
      throw error;
    } finally {
      signal?.removeEventListener?.('abort', cancel);
      await this.close();
    }
  }

  private async open(): Promise<void> {
    const { workflow, logger, clock, bus, database } = this;
    const stateStore = new TellingStore({ database }, (saga) => {
      this.saga = saga;
      for (const goOn of this.waiting.splice(0)) goOn();
    });
    const orchestrator = new Orchestrator({ workflow, eventBus: bus, stateStore, logger, clock });
    refuseMissing(workflow, this.handlers);
    await orchestrator.start();
    this.orchestrator = orchestrator;
  }

  private async begin(input: unknown): Promise<string> {
    const { startAt, failureMode, traceparent } = this.options;
    return this.running().executeWorkflow(this.workflow.name, input as object, {
      ...(startAt && { startAt }),
      ...(failureMode && { failureMode }),
      ...(traceparent !== undefined && { traceparent }),
    });
  }

  /** Resolves when the saga has ended; rejects when only a person can move it, and none does. */
  private async standstill(): Promise<void> {
    const { graceMs = GRACE_MS, onAttention } = this.options;
    for (;;) {
      const still = await this.still();
      // What a handler says too late may move it yet, or tell of an effect that nobody knows of.
      await within(this.clock, graceMs, this.quiet());
      if (this.saga && isFinished(this.saga)) return;
      if (this.saga !== still) continue;
      const explanation = await this.handle.explain();
      this.logger.warn(`the saga waits for a person: ${explanation.text}`, { sagaId: still.sagaId });
      // It may be cancelled while somebody thinks about it.
      await Promise.race([onAttention?.(this.handle, explanation), this.until(isFinished)]);
      if (this.saga === still)
        throw new PersonNeededError(explanation, await this.handle.status(), await this.handle.history());
    }
  }

  /** The saga once it has ended or nothing will move it by itself. */
  private async still(): Promise<Saga> {
    return this.until((saga) => isFinished(saga) || dueAt(saga) === undefined);
  }

  private async until(isReached: (saga: Saga) => boolean): Promise<Saga> {
    for (;;) {
      const { saga } = this;
      if (saga && isReached(saga)) return saga;
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    }
  }

  /** Resolves when no handler runs, and what they said is decided. */
  private async quiet(): Promise<void> {
    await this.worker.settled();
    await this.bus.settled();
  }

  private async ended(): Promise<EndedSaga> {
    const [status, history] = [await this.handle.status(), await this.handle.history()];
    const { sagaId, state, cause, notUndone, stepResults: results } = status;
    const context = contextInside(fold(sagaId, history) as Saga, '');
    return {
      sagaId,
      state: state as EndedSaga['state'],
      results,
      context,
      cause,
      notUndone,
      status,
      history,
    };
  }

  private async close(): Promise<void> {
    const { orchestrator } = this;
    this.orchestrator = undefined;
    await orchestrator?.stop();
  }

  private async cancelBy(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.handle.cancel({ reason: factsOf(signal?.reason).message });
    } catch (error) {
      // It was not started, is past its pivot, or has ended: the run says so.
      this.logger.debug(`the saga was not cancelled: ${String(error)}`);
    }
  }

  private handleOf(): SagaHandle {
    const { workflow, database, started } = this;
    const reader = async (): Promise<[SagaReader, string]> => {
      const sagaId = await started;
      return [new SagaReader(new MemoryStore({ database }), new Registry([workflow])), sagaId];
    };
    return {
      status: async () => {
        const [saga, sagaId] = await reader();
        return saga.status(sagaId);
      },
      explain: async () => {
        const [saga, sagaId] = await reader();
        return saga.explanation(sagaId);
      },
      history: async () => {
        const [saga, sagaId] = await reader();
        return saga.history(sagaId);
      },
      signal: async (name, signal) => {
        const sagaId = await started;
        await this.running().signal(sagaId, name, signal);
      },
      cancel: async (by) => {
        const sagaId = await started;
        await this.running().cancelWorkflow(sagaId, by);
      },
      intervene: async (decision) => {
        const sagaId = await started;
        await this.running().intervene(sagaId, decision);
      },
    };
  }

  private running(): Orchestrator {
    if (this.orchestrator) return this.orchestrator;
    throw new WorkflowExecutionError('SAGA_CLOSED', 'the run is over', { sagaId: this.saga?.sagaId });
  }
}
