import { ValidationError } from '@counterstep/core';
import type { Problem, Workflow } from '@counterstep/core';
import { NAME_PATTERN } from '@counterstep/protocol';
import type { JsonObject } from '@counterstep/protocol';
import { Cron } from 'croner';
import type { Registry } from './registry.js';
import { checkInput } from './requests.js';

/** Starts a saga at each tick of a clock, once, however many orchestrators have the schedule. */
export interface Schedule {
  /** Letters, digits, _, - and inner dots. A tick is known by it, so it must stay the same over deploys. */
  readonly name: string;
  /** Five fields (minute, hour, day of the month, month, day of the week), or six with seconds first; see croner. */
  readonly cron: string;
  /** An IANA name such as `Europe/Berlin`; default `UTC`. */
  readonly timeZone?: string;
  /** The name of a workflow; its newest version is started. */
  readonly workflow: string;
  /** What each saga is started with, or what makes it of the tick; default `{}`. */
  readonly input?: object | ((tick: Date) => object);
  /** Milliseconds for which a missed tick is made good, at least 10,000; default 3,600,000. */
  readonly catchUp?: number;
}

/** A schedule that was checked. Moments are milliseconds since the epoch. */
export class CheckedSchedule {
  readonly timeZone: string;
  readonly catchUp: number;
  private readonly cron: Cron;

  constructor(private readonly schedule: Schedule) {
    this.timeZone = schedule.timeZone ?? DEFAULT_TIME_ZONE;
    this.catchUp = schedule.catchUp ?? DEFAULT_CATCH_UP;
    this.cron = new Cron(schedule.cron, { timezone: this.timeZone });
  }

  get name(): string {
    return this.schedule.name;
  }

  get pattern(): string {
    return this.schedule.cron;
  }

  get workflow(): string {
    return this.schedule.workflow;
  }

  /** The first tick after this moment. */
  next(moment: number): number | undefined {
    return this.cron.nextRun(new Date(moment))?.getTime();
  }

  /** The last tick that is not after this moment. */
  last(moment: number): number | undefined {
    // Those before the next whole second: a tick is one.
    const second = (Math.floor(moment / 1_000) + 1) * 1_000;
    return this.cron.previousRuns(1, new Date(second))[0]?.getTime();
  }

  /** Throws `ValidationError` (`INPUT_INVALID`), or what the schedule's own function throws. */
  inputAt(tick: number, workflow: Workflow): JsonObject {
    const { input = {} } = this.schedule;
    return checkInput(workflow, typeof input === 'function' ? (input as InputAt)(new Date(tick)) : input);
  }
}

type InputAt = (tick: Date) => object;

const DEFAULT_TIME_ZONE = 'UTC';
const DEFAULT_CATCH_UP = 3_600_000;
const LEAST_CATCH_UP = 10_000;
const LONGEST_PATTERN = 200;

/** Checks all of them. Throws one `ValidationError` (`BAD_SCHEDULES`) that names every problem of every schedule. */
export function checkSchedules(
  schedules: readonly Schedule[],
  registry: Registry,
  now: number,
): CheckedSchedule[] {
  const problems: Problem[] = [];
  const names = new Set<string>();
  const checked: CheckedSchedule[] = [];
  schedules.forEach((schedule, index) => {
    const name = typeof schedule.name === 'string' ? schedule.name : '';
    const add = (code: string, message: string, mend: string): void => {
      problems.push({ code, message, mend, path: name || `schedules[${index}]` });
    };
    if (!NAME_PATTERN.test(name))
      add('BAD_SCHEDULE_NAME', 'the name is not one', 'use letters, digits, _, - and inner dots');
    else if (names.has(name))
      add('DUPLICATE_SCHEDULE', 'another schedule has this name', 'give each its own');
    names.add(name);
    const { catchUp = DEFAULT_CATCH_UP } = schedule;
    if (!Number.isSafeInteger(catchUp) || catchUp < LEAST_CATCH_UP)
      add('BAD_CATCH_UP', `catchUp is ${String(catchUp)}`, `at least ${LEAST_CATCH_UP} milliseconds`);
    const clock = checkClock(schedule, add);
    const tick = clock?.next(now);
    if (clock && tick === undefined)
      add('NO_TICK', `'${schedule.cron}' never comes`, 'name a moment that there is');
    checkStart(schedule, clock, tick ?? now, registry, add);
    if (clock) checked.push(clock);
  });
  if (problems.length === 0) return checked;
  const lines = problems.map(({ path, code, message, mend }) => `${path}: ${code}: ${message}: ${mend}`);
  throw new ValidationError('BAD_SCHEDULES', `schedules cannot be kept: ${lines.join('; ')}`, problems);
}

type AddProblem = (code: string, message: string, mend: string) => void;

function checkClock(schedule: Schedule, add: AddProblem): CheckedSchedule | undefined {
  // They may come from a module that no compiler has seen.
  const cron: unknown = schedule.cron;
  const timeZone: unknown = schedule.timeZone ?? DEFAULT_TIME_ZONE;
  const hasZone = isTimeZone(timeZone);
  if (!hasZone)
    add('BAD_TIME_ZONE', `there is no time zone '${String(timeZone)}'`, 'use an IANA name, as Europe/Berlin');
  try {
    if (!isPattern(cron)) throw new Error('it must be text of five or six fields');
    const clock = new CheckedSchedule({ ...schedule, timeZone: hasZone ? timeZone : DEFAULT_TIME_ZONE });
    return hasZone ? clock : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    add('BAD_CRON', `'${String(cron)}' is no cron pattern: ${reason}`, "as '30 2 * * *', daily at 02:30");
    return undefined;
  }
}

/** Croner also takes a single date, which is no schedule. */
function isPattern(cron: unknown): cron is string {
  return typeof cron === 'string' && cron.length <= LONGEST_PATTERN && /^(@|\S+\s+\S)/.test(cron.trim());
}

function checkStart(
  schedule: Schedule,
  clock: CheckedSchedule | undefined,
  tick: number,
  registry: Registry,
  add: AddProblem,
): void {
  try {
    const workflow = registry.newest(schedule.workflow);
    (clock ?? new CheckedSchedule({ ...schedule, cron: '* * * * *', timeZone: 'UTC' })).inputAt(
      tick,
      workflow,
    );
  } catch (error) {
    const isOurs = error instanceof ValidationError;
    const message = error instanceof Error ? error.message : String(error);
    add(isOurs ? error.code : 'INPUT_INVALID', message, 'name a workflow, and what its input schema accepts');
  }
}

function isTimeZone(name: unknown): name is string {
  try {
    if (typeof name !== 'string') return false;
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
