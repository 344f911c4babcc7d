import type { InputMapper, Member, Sleep, WorkflowContext } from '@counterstep/core';
import { contextIn, flat } from './context.js';
import { backoff, send } from './sending.js';
import { dropTroubles, isStep, membersIn, newLine, newPart, partsAt, withAll } from './state.js';
import type { Line, Model, Part, Stall } from './state.js';

/** Runs code of the definition. It may throw: then it is called again later, and finally a person is asked. */
export function calling<T>(model: Model, path: string, code: () => T): T | undefined {
  const stall = model.stalls.find((each) => each.path === path);
  if (stall && !stall.call) return undefined;
  try {
    const made = code();
    dropStalls(model, (each) => each === path);
    return made;
  } catch {
    const failing: Stall = stall ?? { path, tries: 0, call: false };
    if (!stall) model.stalls.push(failing);
    failing.tries += 1;
    failing.call = false;
    failing.due = undefined;
    if (failing.tries <= 3)
      failing.due = model.moment.now + backoff(STALLS, failing.tries, model.moment.random);
    else model.troubles.push({ code: 'DEFINITION_ERROR', path, way: undefined });
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

/** Members of the present item that have not been entered yet. */
export function enterItem(model: Model, line: Line): void {
  const item = line.workflow.items[line.at];
  if (!item) return;
  for (const member of membersIn(item)) {
    if (partsAt(line, line.at).some((part) => part.member === member)) continue;
    enter(model, line, member, line.at, member.name);
  }
}

/** The next item of a map. */
export function enterMapItem(model: Model, map: Part, index: number): boolean {
  return map.member.kind === 'map' && enter(model, map, map.member.body, index, index);
}

function enter(
  model: Model,
  home: Line | Part,
  member: Member,
  index: number,
  name: string | number,
): boolean {
  const path = pathIn(home, name);
  const part = calling(model, path, () => {
    const context = contextIn(home, index);
    const made = newPart(path, member, index, home);
    if ('workflow' in home) {
      const item = home.workflow.items[index];
      Object.assign(made, { group: item?.kind === 'parallel' ? item : undefined });
    }
    made.taken = !member.condition || Boolean(member.condition.evaluate(context));
    if (made.taken) prepare(model, made, context);
    return made;
  });
  if (!part) return false;
  if ('workflow' in home) home.parts.push(part);
  else home.items.push(part);
  if (isStep(part) && part.taken) send(model, part, part.forward);
  return true;
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
      waitForSignal(model, part);
      break;
    case 'sleep':
      part.until = wakeAt(model, member, context);
      if (part.until <= model.moment.now) conclude(part, 'succeeded', null);
      break;
  }
}

function prepareMap(part: Part, list: unknown, maxItems: number): void {
  if (Array.isArray(list) && list.length <= maxItems) part.list = list;
  else part.said = 'rejected';
}

/** Takes the oldest signal that came too early, else waits. */
export function waitForSignal(model: Model, part: Part): void {
  if (part.member.kind !== 'signal') return;
  const { signal, timeout } = part.member;
  const kept = model.kept.find(({ name }) => name === signal);
  if (kept) {
    model.kept = model.kept.filter((each) => each !== kept);
    takeSignal(part, kept.data);
  } else part.until = model.moment.now + timeout;
}

export function takeSignal(part: Part, data: unknown): void {
  const says = part.member.kind === 'signal' && part.member.approval ? isApproved(data) : true;
  conclude(part, says ? 'succeeded' : 'rejected', says ? data : undefined);
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
