import type { Saga } from '@counterstep/core';
import { Interned, canonical } from './intern.js';
import { Meetings } from './meetings.js';
import { named } from './messages.js';
import type { CommandMessage, Message } from './messages.js';
import { Orchestrators } from './orchestrator.js';
import type { Commit } from './orchestrator.js';
import type { Rules } from './rules.js';
import type { Shape } from './shapes.js';
import { checkTruth } from './world-invariants.js';
import { Workers, isFree } from './worker.js';
import type { Deed } from './worker.js';

/**
 * How the bus and the deadlines behave.
 * - `any time`: what was sent lies on the bus for ever and may be delivered at any time, never, or again and again; a
 *   deadline may pass as soon as its command is out. What more there is on the bus forbids nothing, and no invariant
 *   speaks of it. So what only puts a reply there is done at once (a handler that fails, a duplicate that is answered from
 *   the row), a message that is dropped is one that is not delivered, a process that dies is one that does not go on, and
 *   what a dead orchestrator did not send is delivered late: all interleavings, in far fewer states.
 * - `step by step`: the same without that thought, to prove it on small workflows.
 * - `honest engine`: a message may be delivered and gone, delivered and still there, or dropped, once and for all; a
 *   deadline passes only when no reply to its attempt lies unread, and its command was sent. One orchestrator
 *   and one worker may die, at each point where it matters.
 */
export type Bus = 'any time' | 'step by step' | 'honest engine';

/** What may happen once in a walk. */
const ONCE = { orchestratorDies: 1, workerDies: 2, cancel: 4, retry: 8 } as const;

/** One state of the whole, as numbers: see `pack`. */
interface World {
  saga: number;
  /** A record whose commands a dead orchestrator may not have sent; -1 when there is none. */
  unsent: number;
  spent: number;
  sites: number[];
  executions: number[];
  bus: number[];
}

/** A way from one state to the next, in words. */
export interface Move {
  readonly words: () => string;
}

/** Everything that may happen next: orchestrators, bus, workers and people, each with the real rules. */
export class Universe {
  readonly meetings: Meetings;
  readonly orchestrators: Orchestrators;
  readonly workers: Workers;
  /** The move that was looked at last. */
  trying: Move | undefined;
  private readonly messages = new Interned<Message>();
  private readonly paths: readonly string[];
  private readonly siteOf: ReadonlyMap<string, number>;

  constructor(
    rules: Rules,
    private readonly shape: Shape,
    private readonly bus: Bus,
    meetings = new Meetings(),
    forgets = true,
  ) {
    this.meetings = meetings;
    const how = { forgets, mayDie: bus !== 'any time' };
    this.orchestrators = new Orchestrators(rules, shape, this.messages, meetings, how);
    this.workers = new Workers(rules, this.messages, meetings, shape.undoMayReject);
    this.paths = shape.paths;
    this.siteOf = new Map(this.paths.map((path, index) => [path, index]));
  }

  first(): number[] {
    const empty = this.workers.sites.number({ rows: {}, ledger: {} });
    const world: World = {
      saga: -1,
      unsent: -1,
      spent: 0,
      sites: this.paths.map(() => empty),
      executions: [],
      bus: [],
    };
    const { saga, commands } = this.orchestrators.start();
    return this.pack({ ...world, saga, bus: [...commands] });
  }

  saga(state: readonly number[]): Saga {
    return this.orchestrators.sagas.value(state[0] as number);
  }

  /** The saga and the workers' databases, the same in every universe of the shape. */
  truth(state: readonly number[]): string {
    const { saga, sites } = this.unpack(state);
    const values = sites.map((site) => this.workers.sites.value(site));
    return canonical([this.orchestrators.sagas.value(saga), ...values]);
  }

  /** Checks what must hold in every state. */
  check(state: readonly number[]): void {
    const world = this.unpack(state);
    this.orchestrators.checkWayOn(world.saga);
    checkTruth({
      shape: this.shape,
      saga: this.orchestrators.sagas.value(world.saga),
      sites: Object.fromEntries(
        this.paths.map((path, index) => [path, this.workers.sites.value(world.sites[index] as number)]),
      ),
    });
  }

  /** Calls `to` with each state that may come next. */
  next(state: readonly number[], to: (state: number[], move: Move) => void): void {
    const world = this.unpack(state);
    for (const message of world.bus) {
      const { type } = this.messages.value(message);
      if (type === 'command') this.deliverCommand(world, message, to);
      else this.deliverReply(world, message, to);
      if (this.bus === 'honest engine') this.go(DROPPED, { ...world, bus: without(world.bus, message) }, to);
    }
    for (const execution of world.executions) this.goOn(world, execution, to);
    for (const { kind, attempt, commit } of this.orchestrators.occasions(world.saga)) {
      if (kind === 'deadline' && this.bus === 'honest engine' && this.isUnread(world, attempt)) continue;
      const once = kind === 'cancel' ? ONCE.cancel : kind === 'retry' ? ONCE.retry : 0;
      if ((world.spent & once) !== 0) continue;
      this.commit({ ...world, spent: world.spent | once }, commit, world.bus, to);
    }
    if (world.unsent === -1) return;
    const sent = this.orchestrators.takeOver(world.unsent);
    this.go(TAKEN_OVER, { ...world, unsent: -1, bus: union(world.bus, sent) }, to);
  }

  private deliverReply(world: World, message: number, to: (state: number[], move: Move) => void): void {
    const isHonest = this.bus === 'honest engine';
    const rest = isHonest ? without(world.bus, message) : world.bus;
    const commit = this.orchestrators.reply(world.saga, message);
    if (!commit) {
      if (isHonest) this.go(IGNORED, { ...world, bus: rest }, to);
      return;
    }
    this.commit(world, commit, rest, to);
    if (isHonest) this.commit(world, commit, world.bus, to);
  }

  /** The decision is committed; the commands go out, or their sender dies before, or after. */
  private commit(
    world: World,
    commit: Commit,
    bus: number[],
    to: (state: number[], move: Move) => void,
  ): void {
    const sent = union(bus, commit.commands);
    this.go(commit, { ...world, saga: commit.saga, bus: sent }, to);
    const mayDie = this.bus !== 'any time' && (world.spent & ONCE.orchestratorDies) === 0;
    if (!mayDie || commit.record === -1 || world.unsent !== -1) return;
    const spent = world.spent | ONCE.orchestratorDies;
    const { saga, record: unsent, words } = commit;
    const dead = { ...world, saga, spent, unsent };
    this.meetings.meet('the orchestrator dies before it sends');
    this.go({ words: () => `${words()}; the orchestrator dies before it sends` }, { ...dead, bus }, to);
    this.meetings.meet('the orchestrator dies after it has sent');
    this.go(
      { words: () => `${words()}; the orchestrator dies after it has sent` },
      { ...dead, bus: sent },
      to,
    );
  }

  private deliverCommand(world: World, message: number, to: (state: number[], move: Move) => void): void {
    const { order } = this.messages.value(message) as CommandMessage;
    const site = this.siteOf.get(order.step) as number;
    for (const deed of this.workers.taking(world.sites[site] as number, message)) {
      // Two workers at one effect at the same time are enough for every race of the rules.
      if (deed.execution !== -1 && this.count(world, order.effectKey) >= 2) continue;
      const isHonest = this.bus === 'honest engine';
      // Until the reply is confirmed the command lies in the queue as before, lest its worker dies.
      if (isHonest && deed.reply !== -1)
        this.do(world, site, deed, without(world.bus, message), world.executions, to);
      this.do(world, site, deed, world.bus, world.executions, to);
    }
  }

  private goOn(world: World, execution: number, to: (state: number[], move: Move) => void): void {
    const { order } = this.workers.executions.value(execution);
    const site = this.siteOf.get(order.step) as number;
    const index = world.executions.indexOf(execution);
    const rest = world.executions.filter((_, at) => at !== index);
    for (const deed of this.workers.goingOn(world.sites[site] as number, execution)) {
      this.do(world, site, deed, world.bus, rest, to);
    }
  }

  private do(
    world: World,
    site: number,
    deed: Deed,
    bus: number[],
    executions: number[],
    to: (state: number[], move: Move) => void,
  ): void {
    if (deed.crash && (this.bus === 'any time' || (world.spent & ONCE.workerDies) !== 0)) return;
    if (this.bus === 'any time' && isFree(deed, world.sites[site])) return;
    const sites = [...world.sites];
    sites[site] = deed.site;
    if (deed.crash) this.meetings.meet('the worker dies after its effect');
    const after = {
      ...world,
      spent: deed.crash ? world.spent | ONCE.workerDies : world.spent,
      sites,
      executions: deed.execution === -1 ? executions : [...executions, deed.execution],
      bus: deed.reply === -1 ? bus : union(bus, [deed.reply]),
    };
    this.go({ words: () => deed.words }, after, to);
  }

  private go(move: Move, world: World, to: (state: number[], move: Move) => void): void {
    this.trying = move;
    to(this.pack(world), move);
  }

  private count(world: World, effectKey: string): number {
    return world.executions.filter(
      (each) => this.workers.executions.value(each).order.effectKey === effectKey,
    ).length;
  }

  private isUnread({ bus, unsent }: World, attempt: string | undefined): boolean {
    if (unsent !== -1) return true;
    return bus.some((number) => {
      const message = this.messages.value(number);
      return message.type === 'reply' && named(message.event) === attempt;
    });
  }

  /** Whether delivering the message, now or ever, changes nothing. */
  private isSpent(world: World, number: number): boolean {
    const message = this.messages.value(number);
    if (message.type === 'reply') return this.orchestrators.isDead(world.saga, number);
    const site = world.sites[this.siteOf.get(message.order.step) as number] as number;
    const replies = this.workers.lastWords(site, number);
    return replies.length > 0 && replies.every((reply) => this.orchestrators.isDead(world.saga, reply));
  }

  /** Without what can change nothing any more, so that states which differ only in that are one. */
  private pack(given: World): number[] {
    const world = this.bus === 'any time' ? this.withFreeReplies(given) : given;
    const bus = world.bus.filter((message) => !this.isSpent(world, message)).sort((a, b) => a - b);
    const executions = [...world.executions].sort((a, b) => a - b);
    return [world.saga, world.unsent, world.spent, ...world.sites, executions.length, ...executions, ...bus];
  }

  /** What only puts replies on the bus is done; a handler that can do no more than that has ended. */
  private withFreeReplies(world: World): World {
    let bus = union(
      world.bus,
      world.bus.flatMap((number) => this.freeReplies(world, number)),
    );
    const executions: number[] = [];
    for (const execution of world.executions) {
      const { order } = this.workers.executions.value(execution);
      const { replies, isAll } = this.workers.freeReplies(this.siteAt(world, order.step), execution);
      bus = union(bus, replies);
      if (!isAll) executions.push(execution);
    }
    return { ...world, bus, executions };
  }

  private freeReplies(world: World, number: number): readonly number[] {
    const message = this.messages.value(number);
    if (message.type !== 'command') return [];
    const site = this.siteAt(world, message.order.step);
    return this.workers.taking(site, number).flatMap((deed) => (isFree(deed, site) ? [deed.reply] : []));
  }

  private siteAt({ sites }: World, path: string): number {
    return sites[this.siteOf.get(path) as number] as number;
  }

  private unpack(state: readonly number[]): World {
    const count = this.paths.length;
    const running = state[3 + count] as number;
    const bus = 4 + count + running;
    return {
      saga: state[0] as number,
      unsent: state[1] as number,
      spent: state[2] as number,
      sites: state.slice(3, 3 + count),
      executions: state.slice(4 + count, bus),
      bus: state.slice(bus),
    };
  }
}

const DROPPED: Move = { words: () => 'a message is lost' };
const IGNORED: Move = { words: () => 'a reply is read that says nothing new' };
const TAKEN_OVER: Move = {
  words: () => 'another orchestrator takes over, and sends from history what may not have been sent',
};

function without(numbers: readonly number[], number: number): number[] {
  return numbers.filter((each) => each !== number);
}

function union(numbers: number[], more: readonly number[]): number[] {
  const added = more.filter((number) => !numbers.includes(number));
  return added.length > 0 ? [...numbers, ...added] : numbers;
}
