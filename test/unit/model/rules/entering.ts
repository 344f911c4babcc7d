import type { InputMapper, Member, Sleep, WorkflowContext } from '@counterstep/core';
import { contextIn, flat } from './context.js';
import { backoff, send } from './sending.js';
import { dropTroubles, isStep, membersIn, newLine, newPart, partsAt, withAll } from './state.js';
import type { Line, Model, Part, Stall } from './state.js';

/** Runs code of the definition. It may throw: then it is called again later, and finally a person is asked. */
export function calling<T>(model: Model, path: string, code: () => T): T | undefined {
  const stall = model.stalls.find((each) => each.path === path);
  if (stall && (stall.due ?? Infinity) > model.moment.now) return undefined;
  try {
    const made = code();
    dropStalls(model, (each) => each === path);
    return made;
  } catch {
    const failing: Stall = stall ?? { path, tries: 0 };
    if (!stall) model.stalls.push(failing);
    failing.tries += 1;
    failing.due = undefined;
    if (failing.tries <= 3)
      failing.due = model.moment.now + backoff(STALLS, failing.tries, model.moment.random);
    else model.troubles.push({ code: 'DEFINITION_ERROR', path, way: 'forward' });
    return undefined;
  }
}

const STALLS = { initialDelay: 1_000, backoffFactor: 2, maxDelay: 60_000, jitter: 'full' } as const;

export function dropStalls(model: Model, which: (path: string) => boolean): void {
  model.stalls = model.stalls.filter(({ path }) => !which(path));
  model.troubles = model.troubles.filter(
    ({ code, path }) => code !== 'DEFINITION_ERROR' || path === undefined || !which(path),
  );
}

export function pathIn(home: Line | Part, name: string | number): string {
  const scope = 'workflow' in home ? home.owner?.path : home.path;
  return scope === undefined ? String(name) : `${scope}/${name}`;
}

/** The members of the present item, all of them or, when a function of one throws, none. */
export function enterItem(model: Model, line: Line): void {
  const item = line.workflow.items[line.at];
  if (!item || partsAt(line, line.at).length > 0) return;
  const made: Part[] = [];
  for (const member of membersIn(item)) {
    const part = prepared(model, line, member, line.at, member.name);
    if (!part) return;
    made.push(part);
  }
  for (const part of made) begin(model, part);
}

/** The next item of a map. */
export function enterMapItem(model: Model, map: Part, index: number): boolean {
  const part = map.member.kind === 'map' && prepared(model, map, map.member.body, index, index);
  if (!part) return false;
  begin(model, part);
  return true;
}

function prepared(
  model: Model,
  home: Line | Part,
  member: Member,
  index: number,
  name: string | number,
): Part | undefined {
  const path = pathIn(home, name);
  return calling(model, path, () => {
    const item = 'workflow' in home ? home.workflow.items[index] : undefined;
    const part = newPart(path, member, index, home, item?.kind === 'parallel' ? item : undefined);
    const context = contextIn(home, index);
    part.taken = !member.condition || Boolean(member.condition.evaluate(context));
    if (part.taken) prepare(model, part, context);
    return part;
  });
}

function begin(model: Model, part: Part): void {
  if ('workflow' in part.home) part.home.parts.push(part);
  else part.home.items.push(part);
  if (isStep(part) && part.taken) send(model, part, part.forward);
}

function prepare(model: Model, part: Part, context: WorkflowContext): void {
  const { member } = part;
  switch (member.kind) {
    case 'step':
      part.input = mapped(member.input, context) ?? flat(context);
      break;
    case 'workflow':
      part.input = mapped(member.input, context) ?? flat(context);
      part.line = newLine(member.workflow, part, part.input as Record<string, unknown>);
      break;
    case 'map':
      prepareMap(part, mapped(member.over, context), member.maxItems);
      break;
    case 'signal':
      part.until = model.moment.now + member.timeout;
      break;
    case 'sleep':
      part.until = wakeAt(model, member, context);
      break;
  }
}

function prepareMap(part: Part, list: unknown, maxItems: number): void {
  if (Array.isArray(list) && list.length <= maxItems) part.list = list;
  else part.said = 'rejected';
}

/** A signal takes the oldest of its name that has come, a sleep is over when its time has come. */
export function endWaitIfMay(model: Model, part: Part): void {
  const { member, until } = part;
  if (until === undefined) return;
  if (member.kind === 'sleep' && until <= model.moment.now) conclude(part, 'succeeded', null);
  if (member.kind !== 'signal') return;
  const taken = model.kept.find(({ name }) => name === member.signal);
  if (!taken) return;
  model.kept = model.kept.filter((each) => each !== taken);
  const says = member.approval ? isApproved(taken.data) : true;
  conclude(part, says ? 'succeeded' : 'rejected', says ? taken.data : undefined);
}

function isApproved(data: unknown): boolean {
  return (data as { approved?: unknown } | undefined)?.approved === true;
}

export function conclude(part: Part, said: 'succeeded' | 'rejected', output: unknown): void {
  part.said = said;
  part.output = output;
  part.until = undefined;
}

function wakeAt(model: Model, sleep: Sleep, context: WorkflowContext): number {
  if (sleep.until) return new Date(sleep.until.map(context) as number).getTime();
  return model.moment.now + (sleep.duration ?? 0);
}

function mapped(mapper: InputMapper | undefined, context: WorkflowContext): unknown {
  return mapper && (JSON.parse(JSON.stringify(mapper.map(context))) as unknown);
}

/** What waits for its time in there, or for a function, is not waited for any more. */
export function dropWaits(model: Model, part: Part): void {
  for (const each of withAll(part)) each.until = undefined;
  dropStalls(model, (path) => path === part.path || path.startsWith(`${part.path}/`));
  for (const each of withAll(part)) dropTroubles(model, each.path, 'forward');
}
