import { isFinished, openAttempts, openWaits } from '@counterstep/core';
import type { AttemptName, InterveneEvent, ReplyEvent, Saga, SagaEvent, Verb } from '@counterstep/core';
import type { Dice } from './dice.js';
import type { Weather } from './generated-workflows.js';

/** What a run has come to, as far as the next event depends on it. */
export interface Scene {
  readonly saga: Saga;
  /** All that was ever sent. */
  readonly commands: readonly AttemptName[];
  readonly weather: Weather;
  readonly mood: Mood;
}

/** How things tend to go in one run. */
export interface Mood {
  readonly success: number;
  readonly answer: number;
  readonly trouble: number;
}

export function moodFrom(dice: Dice): Mood {
  return {
    success: dice.pick([0.9, 0.7, 0.5]),
    answer: dice.pick([0.9, 0.7, 0.5]),
    trouble: dice.pick([0.2, 1, 2]),
  };
}

export interface Next {
  readonly event: SagaEvent;
  /** The time moves on to this. */
  readonly now: number;
}

export function eventFrom(dice: Dice, scene: Scene, now: number): Next {
  const { saga, mood } = scene;
  const open = openAttempts(saga).filter(({ attempts }) => attempts.status === 'running');
  const timed = timesOf(saga);
  const trouble = mood.trouble;
  const later = now + dice.below(50);
  switch (
    dice.weighted({
      answer: open.length > 0 && !isFinished(saga) ? 40 * mood.answer : 0,
      deadline: open.length > 0 && !isFinished(saga) ? 40 * (1 - mood.answer) : 0,
      timer: timed.length > 0 ? 12 : 1,
      former: scene.commands.length > 0 ? (isFinished(saga) ? 20 : 6) : 0,
      signal: saga.signalIds || openWaits(saga).length > 0 ? 6 : 1.5,
      heartbeat: open.length > 0 ? 2 : 0.2,
      foreign: 0.7,
      intervene: saga.attention.length > 0 ? 25 : 0.5,
      cancel: 1.2 * trouble,
      terminate: 0.15 * trouble,
      pause: saga.paused ? 0.3 : 0.8 * trouble,
      resume: saga.paused ? 14 : 0.3,
      quarantine: 0.2 * trouble,
    })
  ) {
    case 'answer':
      return { event: reply(dice, dice.pick(open.map(nameOf)), mood.success), now: later };
    case 'deadline':
      return deadline(dice, dice.pick(open), later);
    case 'timer':
      return {
        event: { type: 'timer' },
        now: dice.chance(0.85) ? Math.max(now, dice.pick([now, ...timed])) : later,
      };
    case 'former':
      return { event: former(dice, scene), now: later };
    case 'signal':
      return { event: signal(dice, saga), now: later };
    case 'heartbeat':
      return { event: heartbeat(dice, scene), now: later };
    case 'foreign':
      return { event: foreign(dice, scene), now: later };
    case 'intervene':
      return { event: intervention(dice, saga), now: later };
    case 'cancel':
      return { event: { type: 'cancel', reason: 'why not' }, now: later };
    case 'terminate':
      return { event: { type: 'terminate', ...(dice.chance(0.8) && { reason: 'enough' }) }, now: later };
    case 'pause':
      return { event: { type: 'pause' }, now: later };
    case 'resume':
      return { event: { type: 'resume' }, now: later + dice.pick([0, 0, 1_000, 5_000]) };
    case 'quarantine':
      return { event: { type: 'quarantine', code: 'POISON', message: 'a stone in the shoe' }, now: later };
  }
}

function nameOf(open: ReturnType<typeof openAttempts>[number]): AttemptName {
  const { step, direction, attempts } = open;
  return { step, direction, run: attempts.run, attempt: attempts.attempt };
}

function timesOf(saga: Saga): number[] {
  const waiting = openAttempts(saga).filter(({ attempts }) => attempts.status === 'waiting');
  return [
    ...waiting.map(({ attempts }) => attempts.dueAt),
    ...openWaits(saga).map(({ until }) => until),
    ...(saga.stalls ?? []).map(({ dueAt }) => dueAt),
    saga.startAt,
    ...(saga.deadline === undefined || openWaits(saga).length === 0 ? [] : [saga.deadline]),
  ].filter((time) => time !== undefined);
}

function reply(dice: Dice, about: AttemptName, success: number): ReplyEvent {
  const undo = about.direction === 'undo';
  const outcome = dice.chance(success) ? 'succeeded' : dice.pick(['rejected', 'failed', 'failed'] as const);
  const code = dice.pick(['BUSY', 'BUSY', 'FATAL']);
  const n = dice.below(9);
  const output = dice.pick([{ n, total: n }, { n, total: n }, { n }, { total: 'x' }, null, 7]);
  return {
    type: 'reply',
    ...about,
    outcome,
    ...(outcome === 'succeeded' &&
      !undo &&
      dice.chance(0.9) && { output: dice.chance(0.8) ? { n, total: n } : output }),
    ...(outcome === 'succeeded' && !undo && dice.chance(0.3) && { undoData: { key: n } }),
    ...(outcome === 'succeeded' && undo && dice.chance(0.25) && { noop: true }),
    ...(outcome !== 'succeeded' && {
      error: { code, message: 'no', ...(dice.chance(0.2) && { retryable: dice.chance(0.5) }) },
    }),
  };
}

/** An answer to something that was sent before: late, doubled, or both. */
function former(dice: Dice, { commands, mood }: Scene): ReplyEvent {
  const given = reply(dice, dice.pick(commands), Math.max(0.6, mood.success));
  return {
    ...given,
    ...(given.direction === 'forward' && given.outcome === 'succeeded' && dice.chance(0.3) && { late: true }),
    ...(given.direction === 'forward' &&
      given.outcome === 'rejected' &&
      dice.chance(0.3) && { refused: true }),
  };
}

function deadline(dice: Dice, open: ReturnType<typeof openAttempts>[number], now: number): Next {
  const name = nameOf(open);
  const due = open.attempts.dueAt ?? now;
  const kind = dice.weighted({ due: 10, early: 1, former: 1, notPickedUp: 2 });
  switch (kind) {
    case 'due':
      return { event: { type: 'deadline', ...name }, now: Math.max(now, due) };
    case 'early':
      return { event: { type: 'deadline', ...name }, now };
    case 'former':
      return { event: { type: 'deadline', ...name, attempt: name.attempt - 1 }, now: Math.max(now, due) };
    case 'notPickedUp':
      return {
        event: { type: 'deadline', ...name, notPickedUp: true },
        now: dice.chance(0.7) ? now + 300 : now,
      };
  }
}

function signal(dice: Dice, saga: Saga): SagaEvent {
  const id = dice.chance(0.15) ? dice.pick(saga.signalIds ?? ['sig']) : `sig${saga.version}-${dice.below(9)}`;
  const name = dice.weighted({ go: 10, stop: 10, dance: 1 });
  const data = dice.pick([
    { approved: true },
    { approved: true, by: 'me' },
    { approved: false },
    { by: 7 },
    undefined,
  ]);
  return { type: 'signal', id, name, ...(data && { data }) };
}

function heartbeat(dice: Dice, { saga, commands }: Scene): SagaEvent {
  const open = openAttempts(saga).map(nameOf);
  const about = open.length > 0 && dice.chance(0.8) ? dice.pick(open) : dice.pick([...commands, NOBODY]);
  return { type: 'heartbeat', ...about, undoData: { beat: dice.below(9) } };
}

const NOBODY: AttemptName = { step: 'nobody', direction: 'forward', run: 1, attempt: 1 };

function foreign(dice: Dice, { commands }: Scene): ReplyEvent {
  const about = dice.pick([...commands, NOBODY]);
  const wrong = dice.pick([
    { ...about, attempt: about.attempt + 3 },
    { ...about, run: about.run + 1 },
    { ...about, direction: 'undo' as const },
    NOBODY,
  ]);
  return reply(dice, wrong, 0.7);
}

const VERBS: readonly Verb[] = ['retry', 'retry', 'retry', 'skip', 'resolve', 'undo', 'giveUp', 'release'];

function intervention(dice: Dice, saga: Saga): InterveneEvent {
  const item = saga.attention.length > 0 ? dice.pick(saga.attention) : undefined;
  const verb = item?.hold && dice.chance(0.7) ? 'release' : dice.pick(VERBS);
  const named = dice.chance(0.85);
  return {
    type: 'intervene',
    verb,
    ...(named && item?.step !== undefined && { step: item.step }),
    ...(named && item?.direction !== undefined && { direction: item.direction }),
    ...(!item && { step: 's1' }),
    ...(verb === 'retry' && dice.chance(0.3) && { input: { edited: dice.below(9) } }),
    ...((verb === 'skip' || verb === 'resolve') && dice.chance(0.7) && { output: { n: 42, total: 42 } }),
    ...(verb === 'resolve' && dice.chance(0.85) && { evidence: 'seen with my own eyes' }),
    ...(verb === 'resolve' && dice.chance(0.6) && { outcome: dice.pick(['succeeded', 'rejected'] as const) }),
  };
}
