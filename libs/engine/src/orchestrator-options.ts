import type { Bus } from '@counterstep/bus';
import type { Workflow } from '@counterstep/core';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Schedule } from './schedules.js';
import type { Store } from './store.js';

export interface OrchestratorOptions {
  /** The definition to run, or several. */
  readonly workflow?: Workflow;
  readonly workflows?: readonly Workflow[];
  /** Starts by the clock. All orchestrators of a store should have the same ones. */
  readonly schedules?: readonly Schedule[];
  readonly eventBus: Bus;
  /** Where sagas are kept; in memory, with a warning, when there is none. */
  readonly stateStore?: Store;
  readonly logger?: Logger;
  /** Of every topic and group; default `counterstep`. */
  readonly topicPrefix?: string;
  /** Partitions of topics that do not exist yet; default 4. */
  readonly partitions?: number;
  /** Connections that commit; default 1. Few and full batches are cheaper than many. */
  readonly lanes?: number;
  /**
   * Inputs that may wait in each lane, and transitions whose messages the broker has not taken yet, before starts and
   * signals are refused with `OVERLOADED`; default 20,000. What a person asks for (cancel, pause and so on) always gets in.
   */
  readonly maxBacklog?: number;
  /** Milliseconds between two looks for what a dead process has left; default 2,000. */
  readonly sweepInterval?: number;
  /** Milliseconds until sagas whose definition no orchestrator has are held for a person; default 300,000. */
  readonly unknownDefinitionAfter?: number;
  /** Milliseconds between two looks whether sagas hang or are overdue; default 15,000. */
  readonly livenessInterval?: number;
  /** Watches of sagas at a time, before another is refused with `TOO_MANY_WATCHERS`; default 200. */
  readonly maxWatchers?: number;
  readonly clock?: Clock;
}

/** A schedule as it is kept, with its next tick. */
export interface ScheduleStatus {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly workflow: string;
  /** Milliseconds. */
  readonly catchUp: number;
  readonly nextTick: Date | null;
}
