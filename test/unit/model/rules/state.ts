import type { Member, Moment, ParallelGroup, Step, Workflow, WorkflowItem } from '@counterstep/core';

/*
 * The model's own picture of a saga: a tree of what was entered, each with the list of what was sent. Everything else is
 * asked of it anew each time. Nothing is immutable, nothing is journaled, nothing is clever.
 */

export type Way = 'forward' | 'undo';
export type Word = 'succeeded' | 'rejected' | 'failed' | 'unknown';

export interface Sending {
  readonly run: number;
  readonly attempt: number;
  readonly at: number;
  /** How this attempt ended, as far as one knows. */
  word?: Word;
}

/** What was sent to a worker in one direction. */
export interface Side {
  readonly way: Way;
  readonly sendings: Sending[];
  now: 'idle' | 'out' | 'waiting' | 'stuck' | 'over';
  due?: number | undefined;
  /** How it ended. */
  word?: Word | undefined;
  /** Sendings before a person asked for more. */
  spent: number;
}

/** A member of the definition that was entered. */
export interface Part {
  readonly path: string;
  readonly member: Member;
  /** The index of its item in its line; for an item of a map, the index in the list. */
  readonly index: number;
  readonly home: Line | Part;
  /** Grows with each part that is entered. */
  readonly nth: number;
  readonly group?: ParallelGroup | undefined;
  taken: boolean;
  readonly forward: Side;
  readonly undo: Side;
  input?: unknown;
  /** Given by a person, for the undo. */
  undoInput?: unknown;
  output?: unknown;
  undoData?: unknown;
  skipped: boolean;
  lost?: 'undo' | 'keep' | undefined;
  /** The undo found nothing. */
  noop: boolean;
  again?: 'always' | 'ifNoop' | undefined;
  /** A person gave the undo up. */
  leftStanding: boolean;
  /** Of a signal or a sleep. */
  until?: number | undefined;
  /** How what has no worker ended. */
  said?: 'succeeded' | 'rejected' | undefined;
  /** Of a sub-workflow. */
  line?: Line;
  /** Of a map. */
  list?: readonly unknown[];
  readonly items: Part[];
}

/** The items of a workflow, one after the other: of the saga's own, or of a sub-workflow. */
export interface Line {
  readonly workflow: Workflow;
  readonly owner: Part | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  /** The index of the present item. */
  at: number;
  readonly parts: Part[];
  /** What reducers made, by the index of their group. */
  readonly reduced: Map<number, Record<string, unknown>>;
}

export interface Trouble {
  readonly code: string;
  readonly path?: string | undefined;
  readonly way?: Way | undefined;
}

export interface Stall {
  readonly path: string;
  tries: number;
  due?: number | undefined;
}

export interface Sent {
  readonly path: string;
  readonly way: Way;
  readonly run: number;
  readonly attempt: number;
  readonly data: unknown;
}

export interface Model {
  readonly workflow: Workflow;
  root: Line;
  begun: boolean;
  startAt?: number | undefined;
  deadline?: number | undefined;
  hold: boolean;
  direction: Way;
  aim: 'completed' | 'compensated' | 'cancelled';
  finished?: 'completed' | 'compensated' | 'cancelled' | 'failed' | undefined;
  paused: boolean;
  gaveUp: boolean;
  cancelWanted: boolean;
  troubles: Trouble[];
  stalls: Stall[];
  kept: { id: string; name: string; data: unknown }[];
  signalIds: Set<string>;
  /** Of the decision that is being made. */
  moment: Moment;
  sent: Sent[];
}

export function newLine(
  workflow: Workflow,
  owner: Part | undefined,
  input: Readonly<Record<string, unknown>>,
): Line {
  return { workflow, owner, input, at: 0, parts: [], reduced: new Map() };
}

let entered = 0;

export function newPart(
  path: string,
  member: Member,
  index: number,
  home: Line | Part,
  group: ParallelGroup | undefined,
): Part {
  const side = (way: Way): Side => ({ way, sendings: [], now: 'idle', spent: 0 });
  return {
    path,
    member,
    index,
    home,
    nth: ++entered,
    group,
    taken: true,
    forward: side('forward'),
    undo: side('undo'),
    skipped: false,
    noop: false,
    leftStanding: false,
    items: [],
  };
}

export function membersIn(item: WorkflowItem): readonly Member[] {
  return item.kind === 'parallel' ? item.members : [item];
}

/** The parts that were entered of the item at `index`. */
export function partsAt(line: Line, index: number): Part[] {
  return line.parts.filter((part) => part.index === index);
}

export function insideOf(part: Part): readonly Part[] {
  return part.line?.parts ?? part.items;
}

/** Itself and all within. */
export function withAll(part: Part): Part[] {
  return [part, ...insideOf(part).flatMap(withAll)];
}

export function allParts(model: Model): Part[] {
  return model.root.parts.flatMap(withAll);
}

export function partAt(model: Model, path: string): Part | undefined {
  return allParts(model).find((part) => part.path === path);
}

/** The part that it lies in, a sub-workflow or a map. */
export function ownerOf(part: Part): Part | undefined {
  return 'workflow' in part.home ? part.home.owner : part.home;
}

/** From the top of the saga down to itself. */
export function chainOf(part: Part): Part[] {
  const owner = ownerOf(part);
  return owner ? [...chainOf(owner), part] : [part];
}

export function isStep(part: Part): part is Part & { readonly member: Step } {
  return part.member.kind === 'step';
}

export function isBusy(side: Side): boolean {
  return side.now === 'out' || side.now === 'waiting';
}

export function troublesOf(model: Model, path: string, way: Way): Trouble[] {
  return model.troubles.filter((trouble) => trouble.path === path && trouble.way === way);
}

export function dropTroubles(model: Model, path: string, way: Way): void {
  model.troubles = model.troubles.filter((trouble) => trouble.path !== path || trouble.way !== way);
}

export function isQuarantined(model: Model): boolean {
  return model.troubles.some(isHold);
}

/** Nothing at all is done until a person acts. */
export function isHold({ path }: Trouble): boolean {
  return path === undefined;
}
