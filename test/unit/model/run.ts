import { STATE_CHANGES, decide, fold, isFinished, isLive } from '@counterstep/core';
import type { AttemptName, HistoryRecord, Moment, Saga, SagaEvent } from '@counterstep/core';
import { isDeepStrictEqual } from 'node:util';
import { Dice } from './dice.js';
import { eventFrom, moodFrom } from './generated-events.js';
import { workflowFrom } from './generated-workflows.js';
import type { Weather } from './generated-workflows.js';
import type { Happening } from './interesting.js';
import { react, started } from './rules/model.js';
import type { Reaction } from './rules/model.js';
import type { Sent } from './rules/state.js';
import { outline, tell } from './story.js';
import { canonical, viewOfModel, viewOfSaga } from './view.js';

const SAGA_ID = '01900000-0000-7000-8000-000000000001';
const BORN_AT = 1_700_000_000_000;
/** Events after the end: enough for what may come late. */
const EPILOGUE = 5;

/** All that a run depends on. */
export interface Plot {
  readonly steps: readonly number[];
  readonly settings: number;
  readonly events: readonly number[];
}

/** Who looks on. */
export interface Audience {
  /** Lines of the story. */
  readonly hears?: (lines: readonly string[]) => void;
  readonly sees?: (happening: Happening) => void;
}

/** Plays one saga by the rules and by the model, and throws where they differ. Returns how many events it took. */
export function play(plot: Plot, { hears, sees }: Audience = {}): number {
  const weather: Weather = { broken: false };
  const workflow = workflowFrom(plot.steps, plot.settings, weather);
  const dice = new Dice(plot.settings ^ 0x5bd1e995);
  const mood = moodFrom(dice);
  const start = startEvent(dice, plot.settings);
  const history: HistoryRecord[] = [];
  const commands: AttemptName[] = [];
  let moment: Moment = { now: BORN_AT, random: dice.next() };
  hears?.(outline(workflow));

  const first = decide(workflow, undefined, start, moment);
  if (first.kind !== 'applied') throw new Error(`not started: ${JSON.stringify(first)}`);
  let saga = first.saga;
  hears?.(tell(start, first, 0));
  sees?.({ event: start, before: undefined, decided: first });
  const model = started(workflow, start, moment);
  const check = (event: SagaEvent, decided: ReturnType<typeof decide>, reaction: Reaction): void => {
    expectSame(
      [...linesOf(decided), ...viewOfSaga(saga)],
      [...reactionLines(reaction), ...viewOfModel(model)],
      event,
    );
    if (!isLive(saga)) throw new Error(`hangs after ${JSON.stringify(event)}`);
  };
  const keep = (record: HistoryRecord): void => {
    const last = history.at(-1)?.seq ?? 0;
    history.push(record);
    if (record.seq !== last + 1 || saga.version !== record.seq) throw new Error('the history has a gap');
  };
  keep(first.record);
  commands.push(...first.effects.commands);
  check(start, first, { kind: 'applied', sent: model.sent });

  let epilogue = 0;
  let played = 1;
  for (const word of plot.events) {
    if (isFinished(saga) && (epilogue += 1) > EPILOGUE) break;
    const roll = new Dice(word);
    weather.broken = roll.chance(weather.broken ? 0.8 : 0.04 * mood.trouble);
    const { event, now } = eventFrom(roll, { saga, commands, weather, mood }, moment.now);
    moment = { now, random: roll.next() };
    const decided = decide(workflow, saga, event, moment);
    if (decided.kind === 'applied') expectListed(saga, decided.saga, event);
    hears?.(tell(event, decided, now - BORN_AT));
    sees?.({ event, before: saga, decided });
    if (decided.kind === 'applied') {
      saga = decided.saga;
      keep(decided.record);
      commands.push(...decided.effects.commands);
    }
    check(event, decided, react(model, event, moment));
    played += 1;
  }
  const [folded, kept] = [fold(SAGA_ID, readBack(history)), readBack(saga)];
  if (!isDeepStrictEqual(folded, kept)) throw new Difference('the fold of the history', folded, kept);
  return played;
}

function startEvent(dice: Dice, settings: number): Extract<SagaEvent, { type: 'start' }> {
  const list = (length: number): { sku: number }[] => Array.from({ length }, (_, i) => ({ sku: i }));
  return {
    type: 'start',
    sagaId: SAGA_ID,
    input: {
      bornAt: BORN_AT,
      flag: settings !== 0 && dice.chance(0.5),
      list0: [],
      list2: list(2),
      list3: list(3),
      list4: list(4),
      noList: 'none',
    },
    ...(settings !== 0 && dice.chance(0.1) && { startAt: BORN_AT + dice.pick([-5, 700]) }),
    ...(settings !== 0 && dice.chance(0.1) && { failureMode: dice.pick(['hold', 'compensate'] as const) }),
  };
}

function linesOf(decided: ReturnType<typeof decide>): string[] {
  if (decided.kind === 'ignored') return ['ignored'];
  if (decided.kind === 'refused') return [refusalLine(decided.code, decided.allowed)];
  return [
    'applied',
    ...decided.effects.commands
      .map(({ step, direction, run, attempt, data }) =>
        sentLine({ path: step, way: direction, run, attempt, data }),
      )
      .sort(),
  ];
}

function reactionLines(reaction: Reaction): string[] {
  if (reaction.kind === 'ignored') return ['ignored'];
  if (reaction.kind === 'refused') return [refusalLine(reaction.code, reaction.allowed)];
  return ['applied', ...reaction.sent.map(sentLine).sort()];
}

function refusalLine(code: string, allowed: readonly string[] = []): string {
  return `refused ${code} ${code === 'NOT_ALLOWED' ? [...allowed].sort().join() : ''}`;
}

function sentLine({ path, way, run, attempt, data }: Sent): string {
  return `sent ${path} ${way} ${run}.${attempt} ${canonical(data, way === 'undo' ? 'cause' : undefined)}`;
}

function expectSame(decided: readonly string[], modelled: readonly string[], about: SagaEvent): void {
  if (decided.length === modelled.length && decided.every((line, index) => line === modelled[index])) return;
  throw new Difference(about, decided, modelled);
}

/** What the table of states does not tell of does not happen. */
function expectListed({ state: from }: Saga, { state: to }: Saga, { type }: SagaEvent): void {
  const isListed = (event: SagaEvent['type'], before: Saga['state'], after: Saga['state']): boolean =>
    STATE_CHANGES.some((row) => row.from === before && row.to === after && row.events.includes(event));
  // One event may begin a saga and end it.
  const listed =
    isListed(type, from, to) || (isListed(type, from, 'running') && isListed(type, 'running', to));
  if (from !== to && !listed) throw new Error(`no row of the table leads from ${from} by ${type} to ${to}`);
}

/** As the store would give it. */
function readBack<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export class Difference extends Error {
  constructor(about: SagaEvent | string, decided: unknown, modelled: unknown) {
    const [a, b] = [lines(decided), lines(modelled)];
    super(
      [
        `after ${JSON.stringify(about)}`,
        ...a.filter((line) => !b.includes(line)).map((line) => `  decide: ${line}`),
        ...b.filter((line) => !a.includes(line)).map((line) => `  model:  ${line}`),
      ].join('\n'),
    );
  }
}

function lines(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : JSON.stringify(value, null, 1).split('\n');
}
