import { courseOfGroup, courseOfMember, countItems, pivotCourse, tolerated } from './course.js';
import type { Course } from './course.js';
import { mapped, reduced } from './definition-code.js';
import { enter, pathsIn } from './enter.js';
import { fail } from './failure.js';
import { isFinished } from './saga.js';
import type { Stage } from './saga.js';
import { contextInside, isGiven } from './scope.js';
import { keptSignalFor } from './signals.js';
import type { Transition } from './transition.js';
import { pathIn } from './tree.js';
import { settle, stop, undoAll } from './undo.js';
import type { MapItem, Member, ParallelGroup, SubWorkflow, Workflow, WorkflowItem } from './workflow.js';

/** Takes the saga as far as it can go without another event: the next steps, the turn, the next undos, the end. */
export function advance(transition: Transition): void {
  if (transition.saga.paused || isFinished(transition.saga)) return;
  if (transition.saga.direction === 'forward') {
    if ((transition.saga.startAt ?? 0) > transition.moment.now) return;
    forward(transition);
  }
  if (transition.saga.direction === 'undo' && undoAll(transition))
    transition.add({ type: 'finished', state: transition.saga.gaveUp ? 'failed' : transition.saga.aim });
}

function forward(transition: Transition): void {
  const { workflow } = transition;
  const course = sequence(transition, workflow, '', []);
  if (transition.saga.cancelWanted && pivotCourse(transition.saga, workflow) === 'past')
    transition.add({ type: 'cancelDropped' });
  const allSettled = settleLost(transition);
  if (course === 'failed' && fail(transition)) forward(transition);
  else if (course === 'done' && allSettled)
    transition.add({ type: 'finished', state: transition.saga.gaveUp ? 'failed' : 'completed' });
  else stopFailed(transition);
}

/** Nothing new begins in what has failed while the saga goes on around it. */
function stopFailed(transition: Transition): void {
  const { steps } = transition.saga;
  for (const path in steps) {
    const kind = steps[path]?.kind;
    const holdsOthers = kind === 'workflow' || kind === 'map';
    if (holdsOthers && courseOfMember(transition.saga, transition.workflow.member(path), path) === 'failed')
      stop(transition, path);
  }
}

/** Begins what may begin of the items of one scope, and tells how far they are. */
function sequence(transition: Transition, workflow: Workflow, scope: string, above: Stage): Course {
  const { items } = workflow;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index] as WorkflowItem;
    const course =
      item.kind === 'parallel'
        ? groupOf(transition, item, scope, stageOf(above, index))
        : itemOf(transition, item, pathIn(scope, item.name), above, index);
    if (course !== 'done') return course;
  }
  return 'done';
}

/** Most of what a saga walks over is done already. */
function itemOf(transition: Transition, member: Member, path: string, above: Stage, index: number): Course {
  if (courseOfMember(transition.saga, member, path) === 'done') return 'done';
  return memberOf(transition, member, path, stageOf(above, index));
}

/** It is kept with the step: one that was made by spreading has room for seventeen. */
function stageOf(above: Stage, index: number): Stage {
  return above.length > 0 ? [...above, index] : [index];
}

function memberOf(transition: Transition, member: Member, path: string, stage: Stage): Course {
  const isEntered = transition.progress(path) !== undefined;
  if (!isEntered && !enter(transition, [member], () => path, stage)) return 'open';
  return goOn(transition, member, path, stage);
}

/** What was entered goes on, inside. */
function goOn(transition: Transition, member: Member, path: string, stage: Stage): Course {
  const course = courseOfMember(transition.saga, member, path);
  // What ended rejected and waits for a person is open too, but nothing in it goes on.
  const isOver = transition.progress(path)?.outcome !== undefined;
  if (member.kind === 'step' || course !== 'open' || isOver) return course;
  if (member.kind === 'workflow') subWorkflow(transition, member, path, stage);
  if (member.kind === 'map') mapItems(transition, member, path, stage);
  if (member.kind === 'signal') keptSignalFor(transition, member, path);
  if (member.kind === 'sleep') wake(transition, path);
  return courseOfMember(transition.saga, member, path);
}

function groupOf(transition: Transition, group: ParallelGroup, scope: string, stage: Stage): Course {
  const pathOf = pathsIn(scope);
  const course = (): Course => courseOfGroup(transition.saga, group, scope);
  const isBegun = group.members.every((member) => transition.progress(pathOf(member)));
  if (!isBegun && !enter(transition, group.members, pathOf, stage, Object.keys(group.reducers)))
    return 'open';
  for (const member of group.members) {
    if (course() !== 'open') break;
    goOn(transition, member, pathOf(member), stage);
  }
  if (course() !== 'done') return course();
  for (const member of group.members) lose(transition, member, pathOf(member), group.keep);
  return join(transition, group, scope, stage) ? 'done' : 'open';
}

/** The saga goes on without the member, unless it is done. */
function lose(transition: Transition, member: Member, path: string, keep: boolean): void {
  if (transition.progress(path)?.lost || courseOfMember(transition.saga, member, path) === 'done') return;
  transition.add({ type: 'lost', step: path, ...(keep && { keep: true }) });
}

/** Makes one value of those that several members wrote to one key; false when a reducer failed. */
function join(transition: Transition, group: ParallelGroup, scope: string, stage: Stage): boolean {
  const reducers = Object.entries(group.reducers);
  const level = stage.at(-1);
  const { saga } = transition;
  if (reducers.length === 0) return true;
  if (saga.joined?.some((made) => made.scope === scope && made.stage.at(-1) === level)) return true;
  const path = pathIn(scope, group.name);
  if (transition.isStalled(path)) return false;
  try {
    const written = group.members.flatMap((member) => {
      const step = saga.steps[pathIn(scope, member.name)];
      if (member.kind !== 'step' || !step || !isGiven(step)) return [];
      return [{ keys: member.writes ?? [], output: step.output ?? {} }];
    });
    const patch = Object.fromEntries(
      reducers.flatMap(([key, reducer]) => {
        const values = written
          .filter(({ keys, output }) => keys.includes(key) && Object.hasOwn(output, key))
          .map(({ output }) => (output as Record<string, unknown>)[key]);
        return values.length > 0 ? [[key, reduced(reducer, values, key)]] : [];
      }),
    ) as never;
    transition.add({ type: 'joined', group: path, scope, stage, patch });
  } catch (error) {
    transition.stall(path, error);
    return false;
  }
  return true;
}

function subWorkflow(transition: Transition, member: SubWorkflow, path: string, stage: Stage): void {
  if (sequence(transition, member.workflow, path, stage) !== 'done') return;
  if (!member.output) {
    transition.add({ type: 'concluded', step: path, outcome: 'succeeded' });
    return;
  }
  if (transition.isStalled(path)) return;
  try {
    const output = mapped(member.output, contextInside(transition.saga, path), 'the output mapper');
    transition.add({ type: 'concluded', step: path, outcome: 'succeeded', output });
  } catch (error) {
    transition.stall(path, error);
  }
}

/** Begins as many items as may run at the same time. */
function mapItems(transition: Transition, map: MapItem, path: string, stage: Stage): void {
  const inside = [...stage, 0];
  const items = countItems(transition.saga, map, path);
  const allowed = tolerated(map, items.count);
  for (let index = 0; index < items.begun; index += 1)
    goOn(transition, map.body, pathIn(path, index), inside);
  for (;;) {
    const { begun, open, failed, count } = countItems(transition.saga, map, path);
    if (failed > allowed) return;
    for (let index = 0; index < begun; index += 1)
      if (courseOfMember(transition.saga, map.body, pathIn(path, index)) === 'failed')
        lose(transition, map.body, pathIn(path, index), false);
    if (begun === count) {
      if (open === 0) transition.add({ type: 'concluded', step: path, outcome: 'succeeded' });
      return;
    }
    if (open >= map.concurrency) return;
    if (memberOf(transition, map.body, pathIn(path, begun), inside) === 'absent') return;
    if (!transition.progress(pathIn(path, begun))) return;
  }
}

function wake(transition: Transition, path: string): void {
  const until = transition.progress(path)?.until;
  if (until !== undefined && until <= transition.moment.now)
    transition.add({ type: 'concluded', step: path, outcome: 'succeeded' });
}

/** Settles what the saga goes on without; false while some of it is out, or being undone. */
function settleLost(transition: Transition): boolean {
  const { steps } = transition.saga;
  let allSettled = true;
  for (const path in steps) {
    const how = steps[path]?.lost;
    if (how && !settle(transition, path, how === 'undo')) allSettled = false;
  }
  return allSettled;
}
