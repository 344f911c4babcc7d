import type { Decision, HistoryRecord, Saga, SagaEvent } from '@counterstep/core';
import { Alike } from './alike.js';
import { isOver } from './dependency.js';
import { Interned } from './intern.js';
import { checkDecision, checkSilence, checkTimer, isSettled } from './decision-invariants.js';
import type { Meetings } from './meetings.js';
import { SAGA_ID, commandMessage, named, sayReply } from './messages.js';
import type { Message, ReplyMessage } from './messages.js';
import { Recent } from './recent.js';
import type { Rules } from './rules.js';
import { Sagas } from './sagas.js';
import type { Shape } from './shapes.js';
import { Violation, during } from './violation.js';

/** A decision that was committed. */
export interface Commit {
  readonly words: () => string;
  readonly saga: number;
  /** The commands that go out. */
  readonly commands: readonly number[];
  /** What history holds of them, should their sender die: see `takeOver`. */
  readonly record: number;
}

/** Something that happens to a saga without a message. */
export interface Occasion {
  readonly kind: 'deadline' | 'timer' | 'cancel' | 'retry' | 'person';
  /** Of a deadline: a reply to this attempt that lies in the partition is read first. */
  readonly attempt?: string;
  readonly commit: Commit;
}

/** What a saga does about what may happen to it. */
interface Reactions {
  readonly toReplies: Map<number, Commit | undefined>;
  readonly dead: Map<number, boolean>;
  occasions?: readonly Occasion[];
}

interface How {
  /** Sagas are told apart only by what decides how they go on. Without it, that each goes on so is checked. */
  readonly forgets: boolean;
  /** An orchestrator may die before it sends. */
  readonly mayDie: boolean;
}

interface Sent {
  readonly record: HistoryRecord;
  readonly saga: Saga;
}

/* All happens at one instant, so that a saga's times are the same on all ways to it; what is due is chosen, not timed. */
const NOW = 0;
const MOMENT = { now: NOW, random: 0 };

/** Real decisions on the committed saga: a cache that is stale decides again from the database. */
export class Orchestrators {
  readonly sagas: Sagas;
  private readonly sent = new Interned<Sent>();
  private readonly reactions = new Recent<Reactions>(50_000);
  private readonly reaching = new Set<number>();
  private readonly alike?: Alike;

  constructor(
    private readonly rules: Rules,
    private readonly shape: Shape,
    private readonly messages: Interned<Message>,
    private readonly meetings: Meetings,
    private readonly how: How,
  ) {
    this.sagas = new Sagas(how.forgets);
    if (how.forgets) return;
    const forgetful = new Orchestrators(rules, shape, messages, meetings, { ...how, forgets: true });
    this.alike = new Alike(this.sagas, forgetful);
  }

  start(): Commit {
    const event: SagaEvent = { type: 'start', sagaId: SAGA_ID, input: {} };
    const commit = this.commit(undefined, event, () => 'the saga is started');
    if (!commit) throw new Violation('S8 acked ⇒ durable', 'a start was not applied');
    return commit;
  }

  /** The decision on a reply; undefined when it changes nothing. */
  reply(saga: number, message: number): Commit | undefined {
    const { toReplies } = this.reactionsOf(saga);
    if (toReplies.has(message)) return toReplies.get(message);
    const reply = this.messages.value(message) as ReplyMessage;
    const commit = this.commit(saga, reply.event, () => `the reply is read: ${sayReply(reply)}`);
    this.alike?.reply(saga, message, commit);
    toReplies.set(message, commit);
    return commit;
  }

  /** A reply that is ignored now and always: the attempts that it speaks of are over, and it says nothing new of them. */
  isDead(saga: number, message: number): boolean {
    const { dead } = this.reactionsOf(saga);
    let isDead = dead.get(message);
    if (isDead === undefined) {
      const { event } = this.messages.value(message) as ReplyMessage;
      isDead = isSettled(this.sagas.value(saga), event);
      if (isDead && this.reply(saga, message))
        throw new Violation(
          'S8 acked ⇒ durable',
          `${named(event)} was settled, and a late reply was applied`,
        );
      this.alike?.dead(saga, message, isDead);
      dead.set(message, isDead);
    }
    return isDead;
  }

  /** Deadlines, timers, requests and people. */
  occasions(number: number): readonly Occasion[] {
    const reactions = this.reactionsOf(number);
    if (!reactions.occasions) {
      reactions.occasions = [...this.list(number)];
      this.alike?.occasions(number, reactions.occasions);
    }
    return reactions.occasions;
  }

  private reactionsOf(saga: number): Reactions {
    return this.reactions.get(saga, () => ({ toReplies: new Map(), dead: new Map() }));
  }

  /** Whoever takes over sends again from history what the dead one may not have sent. */
  takeOver(record: number): readonly number[] {
    const sent = this.sent.value(record);
    const { commands } = this.rules.effectsOf(this.shape.workflow, sent.saga, stored(sent.record));
    return commands.map((effect) =>
      this.messages.number(commandMessage(this.shape.workflow, sent.saga, effect)),
    );
  }

  /** Promise 6, without the help of any message: deadlines, timers and people alone bring every saga to an end. */
  checkWayOn(number: number): void {
    const way: number[] = [];
    for (let at = number; !this.reaching.has(at);) {
      way.push(at);
      const saga = this.sagas.value(at);
      if (isOver(saga)) break;
      if (!this.rules.isLive(saga)) throw new Violation('way on', 'nothing will ever move this saga');
      const next = this.occasions(at).find(
        ({ kind }) => kind === 'deadline' || kind === 'timer' || kind === 'person',
      );
      if (!next) throw new Violation('way on', 'no deadline, no timer and no person can move this saga');
      at = next.commit.saga;
      if (way.includes(at)) throw new Violation('way on', 'deadlines, timers and people go round in circles');
    }
    for (const each of way) this.reaching.add(each);
  }

  private *list(number: number): Generator<Occasion> {
    const saga = this.sagas.value(number);
    const { workflow, person } = this.shape;
    checkTimer(this.rules, this.shape, saga);
    for (const { path, forward, undo } of Object.values(saga.steps)) {
      for (const [direction, attempts] of [
        ['forward', forward],
        ['undo', undo],
      ] as const) {
        if (!attempts) continue;
        const { run } = attempts;
        for (let attempt = attempts.attempt; attempt >= 1; attempt -= 1) {
          const name = { step: path, direction, run, attempt };
          const commit = this.commit(
            number,
            { type: 'deadline', ...name },
            () => `the deadline passes: ${named(name)}`,
          );
          if (commit) yield { kind: 'deadline', attempt: named(name), commit };
        }
        if (attempts.status !== 'waiting' || isOver(saga)) continue;
        const words = () => `the time of the retry has come: ${path} ${direction}`;
        const commit = this.commit(number, { type: 'timer' }, words, onlyDue(saga, path, direction));
        if (!commit) throw new Violation('way on', `${path} ${direction} waits for a time that does nothing`);
        yield { kind: 'timer', commit };
      }
    }
    const cancelled = this.commit(number, { type: 'cancel' }, () => 'somebody cancels');
    if (cancelled) yield { kind: 'cancel', commit: cancelled };
    const asked = isOver(saga) ? [] : this.rules.interventionsOf(saga, workflow);
    for (const { step, direction, verbs } of asked) {
      for (const verb of verbs) {
        if (!person.includes(verb)) continue;
        const commit = this.commit(
          number,
          {
            type: 'intervene',
            verb,
            ...(step !== undefined && { step }),
            ...(direction && { direction }),
            ...(verb === 'resolve' && { evidence: 'seen' }),
          },
          () => `a person says ${verb} for ${step ?? 'the saga'}`,
        );
        if (commit) yield { kind: verb === 'retry' ? 'retry' : 'person', commit };
      }
    }
  }

  private commit(
    number: number | undefined,
    event: SagaEvent,
    words: () => string,
    seen?: Saga,
  ): Commit | undefined {
    return during(words, () => this.decided(number, event, words, seen));
  }

  /** `seen`: the same saga, in which only one timer is due. */
  private decided(
    number: number | undefined,
    event: SagaEvent,
    words: () => string,
    seen: Saga | undefined,
  ): Commit | undefined {
    const { workflow } = this.shape;
    const before = number === undefined ? undefined : this.sagas.value(number);
    const decide = (): Decision => this.rules.decide(workflow, seen ?? before, event, MOMENT);
    const decision = decide();
    if (before) this.meetings.decided(before, event, decision);
    if (decision.kind !== 'applied') {
      checkSilence(this.shape, before, event, decision);
      return undefined;
    }
    const record = stored(decision.record);
    const after = this.rules.evolve(before, SAGA_ID, record);
    checkDecision({
      rules: this.rules,
      shape: this.shape,
      before,
      seen,
      event,
      decision,
      again: decide(),
      after,
    });
    // The same as `after`, and what did not change is the very same object as before.
    const saga = { ...(seen ? after : decision.saga), version: 0 };
    const commands = decision.effects.commands.map((effect) =>
      this.messages.number(commandMessage(workflow, after, effect)),
    );
    return {
      words,
      saga: this.sagas.number(saga),
      commands,
      record: this.how.mayDie && commands.length > 0 ? this.sent.number({ record, saga }) : -1,
    };
  }
}

/** As it is read back from the database. */
function stored(record: HistoryRecord): HistoryRecord {
  return JSON.parse(JSON.stringify(record)) as HistoryRecord;
}

/** The saga as it is when of all that waits only this retry is due. */
function onlyDue(saga: Saga, path: string, direction: 'forward' | 'undo'): Saga {
  const steps = Object.values(saga.steps).map((step) => {
    const later = (which: 'forward' | 'undo') => {
      const attempts = step[which];
      if (attempts?.status !== 'waiting' || (step.path === path && which === direction)) return {};
      return { [which]: { ...attempts, dueAt: NOW + 1 } };
    };
    return [step.path, { ...step, ...later('forward'), ...later('undo') }];
  });
  return { ...saga, steps: Object.fromEntries(steps) as Saga['steps'] };
}
