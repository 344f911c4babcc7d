import { storableText } from '@counterstep/protocol';
import type { ErrorFacts, JsonObject } from '@counterstep/protocol';
import { appended } from './appended.js';
import { answersTrue, mapped, mappedObject, mappedTime, readObject } from './definition-code.js';
import type { Fact } from './facts.js';
import type { Stage } from './saga.js';
import { contextFor, flatContextFor } from './scope.js';
import type { Transition } from './transition.js';
import { pathIn } from './tree.js';
import type { MapItem, Member } from './workflow.js';
import type { WorkflowContext } from './context.js';

/** What becomes of a member whose turn has come. */
interface Plan {
  readonly member: Member;
  readonly path: string;
  readonly entered: Extract<Fact, { type: 'entered' }>;
  readonly input?: { value: unknown };
  readonly refused?: ErrorFacts;
}

/**
 * Enters those of the members that were not entered before; false when a function of the definition failed. What they
 * write to `reduced` keys is seen by nobody before a reducer has made one value of it.
 */
export function enter(
  transition: Transition,
  members: readonly Member[],
  pathOf: (member: Member) => string,
  stage: Stage,
  reduced: readonly string[] = [],
): boolean {
  let plans: Plan[] = [];
  // All is asked before anything is entered: members of a group see one context, whichever came first.
  for (const member of members) {
    const path = pathOf(member);
    if (transition.progress(path)) continue;
    if (transition.isStalled(path)) return false;
    try {
      plans = appended(plans, planOf(transition, member, path, stage, reduced));
    } catch (error) {
      transition.stall(path, error);
      return false;
    }
  }
  for (const { entered } of plans) transition.add(entered);
  for (const { member, path, entered, input, refused } of plans) {
    if (member.kind === 'step' && entered.taken) transition.send(path, 'forward', 1, 1, input);
    if (refused) transition.add({ type: 'concluded', step: path, outcome: 'rejected', error: refused });
  }
  return true;
}

/** Where a member of that scope has its progress. */
export function pathsIn(scope: string): (member: Member) => string {
  return ({ name }) => pathIn(scope, name);
}

function planOf(
  transition: Transition,
  member: Member,
  path: string,
  stage: Stage,
  reduced: readonly string[],
): Plan {
  const context = asks(member) ? contextFor(transition.saga, path) : undefined;
  const taken = context === undefined || answersTrue(member, context);
  const entered = { type: 'entered' as const, step: path, stage, taken };
  if (member.kind === 'step') {
    const writes = member.writes?.filter((key) => !reduced.includes(key)) ?? [];
    const plan = { member, path, entered: writes.length > 0 ? { ...entered, writes } : entered };
    if (!taken || !context || !member.input) return plan;
    return { ...plan, input: { value: mapped(member.input, context, 'the input mapper') } };
  }
  const plan = { member, path };
  const kind = { kind: member.kind };
  if (!taken) return { ...plan, entered: { ...entered, ...kind } };
  const { now } = transition.moment;
  switch (member.kind) {
    case 'workflow': {
      const input = context && member.input && mappedObject(member.input, context, 'the input mapper');
      const { inputSchema } = member.workflow;
      if (!inputSchema) return { ...plan, entered: { ...entered, ...kind, ...(input && { input }) } };
      const read = readObject(inputSchema, input ?? flatContextFor(transition.saga, path), 'the input');
      if ('input' in read) return { ...plan, entered: { ...entered, ...kind, input: read.input } };
      const message = storableText(`${member.name}: ${read.problem}`, 2_000);
      return { ...plan, entered: { ...entered, ...kind }, refused: { code: 'INPUT_INVALID', message } };
    }
    case 'map': {
      const list = listOf(member, context);
      if (!Array.isArray(list)) return { ...plan, entered: { ...entered, ...kind }, refused: list };
      return { ...plan, entered: { ...entered, ...kind, items: list } };
    }
    case 'signal':
      return {
        ...plan,
        entered: { ...entered, ...kind, signal: member.signal, until: now + member.timeout },
      };
    case 'sleep': {
      const until =
        context && member.until ? mappedTime(member.until, context) : now + (member.duration ?? 0);
      return { ...plan, entered: { ...entered, ...kind, until } };
    }
  }
}

/** Whether entering it calls a function of the definition. */
function asks(member: Member): boolean {
  if (member.condition) return true;
  if (member.kind === 'step' || member.kind === 'workflow') return member.input !== undefined;
  return member.kind === 'map' || (member.kind === 'sleep' && member.until !== undefined);
}

/** What the map goes over, or why it cannot. */
function listOf(map: MapItem, context: WorkflowContext | undefined): unknown[] | ErrorFacts {
  const list = context && mapped(map.over, context, 'the list');
  if (!Array.isArray(list))
    return { code: 'MAP_NOT_A_LIST', message: `${map.name} goes over ${nameOf(list)}, which is no list` };
  if (list.length > map.maxItems)
    return {
      code: 'MAP_TOO_LONG',
      message: `${map.name} goes over ${list.length} items, at most ${map.maxItems} are allowed`,
    };
  return list as JsonObject[];
}

function nameOf(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
