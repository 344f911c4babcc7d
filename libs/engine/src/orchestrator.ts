import type { Bus, BusHealth } from '@counterstep/bus';
import { StateStoreError, ValidationError, WorkflowExecutionError } from '@counterstep/core';
import type {
  Asked,
  Explanation,
  HistoryRecord,
  InterveneEvent,
  SagaEvent,
  SagaRow,
  SagaStatus,
  UndoPreview,
  Workflow,
} from '@counterstep/core';
import { carefully, topicsOf } from '@counterstep/protocol';
import type { JsonObject, StartMessage } from '@counterstep/protocol';
import { reasoned, storableSignal, storableWords } from './asked.js';
import type { SignalOfCaller } from './asked.js';
import { StoreClock, systemClock } from './clock.js';
import { Engine } from './engine.js';
import type { InputResult } from './input.js';
import { LivenessWatch } from './liveness.js';
import type { LivenessReport } from './liveness.js';
import type { Logger } from './logger.js';
import { MemoryStore } from './memory-store.js';
import { Messages } from './messages.js';
import { newId } from './new-id.js';
import type { OrchestratorOptions, ScheduleStatus } from './orchestrator-options.js';
import { ProgressFeed } from './progress-feed.js';
import { ProgressView } from './progress-view.js';
import { Registry } from './registry.js';
import { answerOrThrow, checkInput, checkSagaId, startEvent, startedAs } from './requests.js';
import type { StartOptions } from './requests.js';
import { keyOfTick, keysOfStart } from './start-keys.js';
import { Scheduler } from './scheduler.js';
import { checkSchedules } from './schedules.js';
import type { CheckedSchedule } from './schedules.js';
import type { StartKey } from './start-keys.js';
import { SagaReader } from './saga-reader.js';
import type { SagaQuery, Store } from './store.js';
import type { SagaUpdate } from './saga-teller.js';
import { Watchers } from './watchers.js';
import type { WatchOptions } from './watchers.js';

/** A start that waits for its commit, and is awaited once: at full load thousands are. */
interface Begun {
  readonly sagaId: string;
  readonly result: Promise<InputResult>;
}

/**
 * Drives sagas: starts them, sends their commands over the bus, takes the replies, commits every transition, and undoes
 * what must be undone. Any number may share one store and one bus. Promises: docs/guarantees.md.
 */
export class Orchestrator {
  private readonly registry: Registry;
  private readonly bus: Bus;
  private readonly store: Store;
  private readonly logger: Logger;
  private readonly storeClock: StoreClock;
  private readonly schedules: readonly CheckedSchedule[];
  private readonly view = new ProgressView();
  private readonly reader: SagaReader;
  private engine: Engine | undefined;
  private scheduler: Scheduler | undefined;
  private livenessWatch: LivenessWatch | undefined;
  private watchers: Watchers | undefined;

  constructor(private readonly options: OrchestratorOptions) {
    const workflows = [...(options.workflow ? [options.workflow] : []), ...(options.workflows ?? [])];
    this.registry = new Registry(workflows);
    this.schedules = checkSchedules(options.schedules ?? [], this.registry, Date.now());
    this.logger = carefully(options.logger);
    this.bus = options.eventBus;
    if (!options.stateStore)
      this.logger.warn('no state store was given: sagas are kept in memory and end with this process');
    this.store = options.stateStore ?? new MemoryStore();
    this.reader = new SagaReader(this.store, this.registry, this.view);
    this.storeClock = new StoreClock(options.clock ?? systemClock);
    for (const workflow of this.registry.all())
      for (const { code, step, message, mend } of workflow.warnings)
        this.logger.warn(`workflow ${workflow.name}: ${message}`, { code, step, mend });
  }

  /**
   * Opens the store and begins to work. Rejects with `StateStoreError` when the store is away, and with `ValidationError`
   * (`VERSION_CONFLICT`) when a definition was changed under a version that unfinished sagas are pinned to; a broker that is away is
   * waited for (see `health`), and what is started meanwhile is committed and sent later.
   */
  async start(): Promise<void> {
    if (this.engine) return;
    await this.store.open();
    this.registry.refuseChanged(await this.store.pinnedDefinitions());
    const askedAt = this.storeClock.asking();
    this.storeClock.learn(await this.store.now(), askedAt);
    const { topicPrefix: prefix = 'counterstep', clock = systemClock } = this.options;
    const { bus, store, logger, registry, storeClock, startByMessage } = this;
    const topics = topicsOf(prefix);
    const messages = new Messages(topics, await store.secret());
    const { maxWatchers: most = 200 } = this.options;
    const watchers = new Watchers({ store, view: this.view, registry, clock, logger, most });
    const engine = new Engine({
      bus,
      store,
      logger,
      registry,
      clock,
      storeClock,
      topics,
      prefix,
      messages,
      partitions: this.options.partitions ?? 4,
      lanes: this.options.lanes ?? 1,
      maxBacklog: this.options.maxBacklog ?? 20_000,
      sweepInterval: this.options.sweepInterval ?? 2_000,
      unknownDefinitionAfter: this.options.unknownDefinitionAfter ?? 300_000,
      startByMessage,
      progress: new ProgressFeed({
        bus,
        topic: topics.progress,
        messages,
        view: this.view,
        store,
        clock,
        logger,
        onTold: (sagaId) => watchers.told(sagaId),
      }),
      onMoved: (sagaId) => watchers.moved(sagaId),
    });
    await engine.open();
    this.engine = engine;
    this.watchers = watchers;
    this.scheduler = new Scheduler({
      schedules: this.schedules,
      store,
      clock,
      storeClock,
      logger,
      start: (schedule, tick) => this.startTick(schedule, tick),
    });
    this.scheduler.start();
    const interval = this.options.livenessInterval ?? 15_000;
    this.livenessWatch = new LivenessWatch({ store, clock, logger, interval });
    this.livenessWatch.start();
  }

  /** Finishes what was begun, hands the rest over, and closes the store. The bus stays open: it is the caller's. */
  async stop(): Promise<void> {
    const { engine } = this;
    this.scheduler?.stop();
    this.watchers?.stop();
    this.watchers = undefined;
    this.engine = undefined;
    await this.livenessWatch?.stop();
    await engine?.close();
    await this.store.close();
  }

  /**
   * Starts a saga. When it resolves, the saga is committed and will be finished or undone. Throws `ValidationError`
   * (`UNKNOWN_WORKFLOW`, `BAD_REQUEST_ID`, `BAD_BUSINESS_KEY`, `INPUT_INVALID` with the path of each problem),
   * `WorkflowExecutionError`
   * (`IDEMPOTENCY_CONFLICT`, `BUSINESS_KEY_TAKEN`, both with the `sagaId` of the saga in the way; `OVERLOADED`,
   * `NOT_STARTED`), or `StateStoreError`, after which it may or may not have been started: ask again with the same
   * `requestId`.
   */
  async executeWorkflow(
    workflowId: string,
    initialContext: object,
    options: StartOptions = {},
  ): Promise<string> {
    const { sagaId, result } = this.beginNewest(workflowId, initialContext, options);
    return answerOrThrow(await result, sagaId).sagaId;
  }

  /** As `executeWorkflow`; `existed` tells that it was started before, by the same request or for the same business key. */
  async startSaga(
    workflowId: string,
    initialContext: object,
    options: StartOptions = {},
  ): Promise<{ sagaId: string; existed: boolean }> {
    const { sagaId, result } = this.beginNewest(workflowId, initialContext, options);
    return startedAs(await result, sagaId);
  }

  /**
   * Throws `ValidationError` (`SAGA_NOT_FOUND`), `WorkflowExecutionError` (`UNREADABLE_HISTORY`) when a newer version has
   * written it, or `StateStoreError`.
   */
  async getStatus(sagaId: string): Promise<SagaStatus> {
    return this.reader.status(sagaId);
  }

  /**
   * What happens to a saga, whichever orchestrator runs it: each record of its history after `after` once and in order, and
   * between them how far it is. Ends with an update `end` when the saga has ended, and without one when `signal` is aborted or
   * this orchestrator stops. Nothing is kept for who does not come for more; of what handlers told it gets the last. Throws
   * as `getStatus`, and `WorkflowExecutionError` (`TOO_MANY_WATCHERS`, `NOT_STARTED`).
   */
  watch(sagaId: string, options: WatchOptions = {}): AsyncGenerator<SagaUpdate, void> {
    this.running();
    return (this.watchers as Watchers).watch(sagaId, options);
  }

  /** Why it waits, or how it ended, for people and for programs. Throws as `getStatus`. */
  async explain(sagaId: string): Promise<Explanation> {
    return this.reader.explanation(sagaId);
  }

  /**
   * What would be undone if it failed now, and what could not be. Throws as `getStatus`, and `WorkflowExecutionError`
   * (`UNKNOWN_DEFINITION`) when this process lacks the definition.
   */
  async previewUndo(sagaId: string): Promise<UndoPreview> {
    return this.reader.undoPreview(sagaId);
  }

  /** How far it is, as a Mermaid flowchart. Throws as `previewUndo`. */
  async diagram(sagaId: string): Promise<string> {
    return this.reader.diagram(sagaId);
  }

  /** Whether sagas hang or are overdue, as last looked at; undefined before the first look. */
  liveness(): LivenessReport | undefined {
    return this.livenessWatch?.report;
  }

  /** What happened so far, in order. Throws `ValidationError` (`SAGA_NOT_FOUND`) or `StateStoreError`. */
  async getHistory(sagaId: string): Promise<readonly HistoryRecord[]> {
    return this.reader.history(sagaId);
  }

  /** Rows for a list, the newest first. */
  async list(query: SagaQuery): Promise<SagaRow[]> {
    return this.store.list(query);
  }

  /**
   * Asks for a saga to be undone. True once the request is committed, before the undo ends, and true again when it was
   * asked for before. Throws `ValidationError` (`SAGA_NOT_FOUND`), `WorkflowExecutionError` (`SAGA_CLOSED`) when it ended
   * otherwise, or `StateStoreError`.
   */
  async cancelWorkflow(sagaId: string, by: Asked = {}): Promise<boolean> {
    await this.ask(sagaId, { type: 'cancel', ...storableWords(by) });
    return true;
  }

  /**
   * Ends a saga at once, without undo: `failed`, and `notUndone` lists what may stand. Needs a reason. This and the
   * requests below resolve once committed, and throw `ValidationError` (`SAGA_NOT_FOUND`, `REASON_MISSING`),
   * `WorkflowExecutionError` (what the state does not allow, with `facts.allowed`), or `StateStoreError`.
   */
  async terminate(sagaId: string, by: Asked): Promise<void> {
    await this.ask(sagaId, { type: 'terminate', ...reasoned(by) });
  }

  /** Replies are applied, but nothing is sent and no deadline acts, until it is resumed. */
  async pause(sagaId: string, by: Asked = {}): Promise<void> {
    await this.ask(sagaId, { type: 'pause', ...storableWords(by) });
  }

  async resume(sagaId: string, by: Asked = {}): Promise<void> {
    await this.ask(sagaId, { type: 'resume', ...storableWords(by) });
  }

  /**
   * Says something to a saga that waits for it, or will. The same `id` counts once. Refused are `UNKNOWN_SIGNAL` (its
   * workflow waits for no such name), `SIGNAL_INVALID` (the data), `SAGA_TURNED`, and `OVERLOADED`, as a start is.
   */
  async signal(sagaId: string, name: string, { id, data, actor }: SignalOfCaller = {}): Promise<void> {
    const said = storableSignal({ id: id ?? newId(), name, data, actor });
    this.running().refuseWhenFull(sagaId);
    await this.ask(sagaId, { type: 'signal', ...said });
  }

  /** Decides what the saga has asked a person; see `interventionsOf` for what the state allows. Needs actor and reason. */
  async intervene(sagaId: string, decision: Omit<InterveneEvent, 'type'>): Promise<void> {
    await this.ask(sagaId, { type: 'intervene', ...decision, ...reasoned(decision, true) });
  }

  /** The newest version of a workflow; the only one, when no id is given. */
  getWorkflowDefinition(workflowId?: string): Workflow {
    if (workflowId !== undefined) return this.registry.newest(workflowId);
    const [only, ...others] = this.registry.names();
    if (only === undefined || others.length > 0)
      throw new ValidationError('WHICH_WORKFLOW', `name one of ${this.registry.names().join(', ')}`);
    return this.registry.newest(only);
  }

  /** Every definition, in all its versions. */
  getWorkflows(): readonly Workflow[] {
    return this.registry.all();
  }

  /** The schedules, each with its next tick: null before `start`, or when none will come. */
  getSchedules(): ScheduleStatus[] {
    return this.schedules.map((schedule) => {
      const { name, pattern: cron, timeZone, workflow, catchUp } = schedule;
      const next = this.engine && schedule.next(this.storeClock.now());
      const nextTick = next === undefined ? null : new Date(next);
      return { name, cron, timeZone, workflow, catchUp, nextTick };
    });
  }

  /** Whether it works, and if not, why. */
  health(): BusHealth & { readonly deadLetters: Readonly<Record<string, number>>; readonly backlog: number } {
    const bus = this.bus.health();
    const { engine } = this;
    const isStoreUp = engine?.isHealthy ?? false;
    const reasons = [
      ...(engine ? [] : ['the orchestrator is not started']),
      ...(engine && !isStoreUp ? ['the store cannot be reached'] : []),
      ...(engine && !engine.isJoined ? ['the consumer group was not joined yet'] : []),
      ...(bus.reason === undefined ? [] : [bus.reason]),
    ];
    return {
      ready: reasons.length === 0 && bus.ready,
      ...(reasons.length > 0 && { reason: reasons.join('; ') }),
      deadLetters: Object.fromEntries(engine?.inbox.deadLetters ?? []),
      backlog: engine?.backlog ?? 0,
    };
  }

  private beginNewest(workflowId: string, initialContext: object, options: StartOptions): Begun {
    const workflow = this.registry.newest(workflowId);
    const input = checkInput(workflow, initialContext);
    return this.begin(workflow, input, keysOfStart(workflow, input, options), options);
  }

  private begin(
    workflow: Workflow,
    input: JsonObject,
    keys: readonly StartKey[],
    options: StartOptions = {},
  ): Begun {
    const engine = this.running();
    const sagaId = newId();
    engine.refuseWhenFull(sagaId);
    const event = startEvent(sagaId, input, options);
    return { sagaId, result: engine.request({ sagaId, event, workflow, keys }) };
  }

  private async startTick(schedule: CheckedSchedule, tick: number): Promise<void> {
    const workflow = this.registry.newest(schedule.workflow);
    const key = keyOfTick(schedule.name, tick);
    const { sagaId: id, result } = this.begin(workflow, schedule.inputAt(tick, workflow), [key]);
    const { sagaId, existed } = startedAs(await result, id);
    if (!existed)
      this.logger.info('a schedule started a saga', { schedule: schedule.name, tick: key.key, sagaId });
  }

  private async ask(sagaId: string, event: SagaEvent): Promise<void> {
    answerOrThrow(await this.running().request({ sagaId: checkSagaId(sagaId), event }), sagaId);
  }

  private running(): Engine {
    if (!this.engine)
      throw new WorkflowExecutionError('NOT_STARTED', 'the orchestrator is not started', {}, true);
    return this.engine;
  }

  /** A start by message: the refusal, or undefined when it is committed. */
  private readonly startByMessage = async (
    message: StartMessage,
  ): Promise<{ code: string; reason: string } | undefined> => {
    const { id: requestId, source, traceparent, data } = message;
    const { workflow, input, businessKey, startAt, failureMode } = data;
    for (;;) {
      try {
        await this.executeWorkflow(workflow, input, {
          requestId,
          source,
          ...(businessKey && { businessKey }),
          ...(startAt !== undefined && { startAt: new Date(startAt) }),
          ...(failureMode && { failureMode }),
          ...(traceparent !== undefined && { traceparent }),
        });
        return undefined;
      } catch (error) {
        if (!this.engine) throw error;
        if (
          error instanceof ValidationError ||
          (error instanceof StateStoreError && error.code === 'STORE_REFUSED') ||
          (error instanceof WorkflowExecutionError && !error.retryable)
        )
          return { code: error.code, reason: error.message };
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  };
}
