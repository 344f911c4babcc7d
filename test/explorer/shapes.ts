import { WorkflowBuilder } from '@counterstep/core';
import type { ParallelOptions, Verb, Workflow } from '@counterstep/core';
import type { BarrierMode } from '@counterstep/protocol';

/** A workflow to walk, and what people may do in it. */
export interface Shape {
  readonly name: string;
  readonly workflow: Workflow;
  /** Of the steps that workers run. */
  readonly paths: readonly string[];
  /** The verbs that people use; `retry` they use once. */
  readonly person: readonly Verb[];
  /** Compensations may say that nothing can be undone. */
  readonly undoMayReject: boolean;
}

const GIVES_UP: readonly Verb[] = ['giveUp'];
const TRIES_AGAIN: readonly Verb[] = ['retry', 'giveUp'];

function shape(name: string, workflow: Workflow, more: Partial<Shape> = {}): Shape {
  const paths = workflow.allSteps().map((step) => step.name);
  return { name, workflow, paths, person: GIVES_UP, undoMayReject: false, ...more };
}

/** How often an action, and its undo, are sent. */
type Attempts = 1 | 2;

function options(barrier: BarrierMode, attempts: Attempts = 2) {
  return { barrier, retry: { maxRetries: attempts - 1 }, undoRetry: { maxRetries: attempts - 1 } };
}

function undoable(name: string, barrier: BarrierMode, attempts?: Attempts) {
  return { compensation: `q.undo-${name}`, ...options(barrier, attempts) };
}

function member(name: string, barrier: BarrierMode) {
  return { name, worker: `q.${name}`, ...undoable(name, barrier) };
}

/** Steps one after another: a, b, c. */
function sequence(attempts: Attempts, modes: readonly BarrierMode[], more: Partial<Shape> = {}): Shape {
  const builder = new WorkflowBuilder('sequence');
  for (const [index, mode] of modes.entries()) {
    const name = 'abc'.charAt(index);
    builder.addStep(name, `q.${name}`, undoable(name, mode, attempts));
  }
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return shape(`sequence: ${modes.join(', ')}, ${times}`, builder.build(), more);
}

/** A group of a and b, and then, if asked for, c. */
function group(
  what: string,
  modes: readonly BarrierMode[],
  how: Omit<ParallelOptions, 'reducers'> = {},
  more: Partial<Shape> = {},
): Shape {
  const [first = 'none', second = 'none', third] = modes;
  const builder = new WorkflowBuilder('group').addParallelSteps(
    [member('a', first), member('b', second)],
    how,
  );
  if (third) builder.addStep('c', 'q.c', undoable('c', third));
  return shape(`${what}: ${modes.join(', ')}`, builder.build(), more);
}

/** Before the point of no return, it, and after it. */
function pivot(modes: readonly [BarrierMode, BarrierMode, BarrierMode]): Shape {
  const { retry } = options('none');
  const workflow = new WorkflowBuilder('pivot')
    .addStep('a', 'q.a', undoable('a', modes[0]))
    .addStep('p', 'q.p', { pivot: true, barrier: modes[1], retry })
    .addStep('r', 'q.r', { retriable: true, barrier: modes[2], retry })
    .build();
  return shape(`pivot: ${modes.join(', ')}`, workflow, { person: TRIES_AGAIN });
}

/** The second of three steps is passed over. */
function conditional(mode: BarrierMode): Shape {
  const workflow = new WorkflowBuilder('conditional')
    .addStep('a', 'q.a', undoable('a', mode))
    .addConditionalStep('b', 'q.b', () => false, undoable('b', mode))
    .addConditionalStep('c', 'q.c', () => true, undoable('c', mode))
    .build();
  return shape(`conditional: ${mode}`, workflow);
}

/** A failure waits for a person, who may try again, or have it undone. */
function hold(mode: BarrierMode, attempts?: Attempts): Shape {
  const workflow = new WorkflowBuilder('hold')
    .withFailureMode('hold')
    .addStep('a', 'q.a', undoable('a', mode, attempts))
    .addStep('b', 'q.b', undoable('b', mode, attempts))
    .build();
  return shape(`failure that waits for a person: ${mode}`, workflow, {
    person: ['retry', 'undo', 'giveUp'],
  });
}

/** A child of two steps, and a step after it. */
function child(mode: BarrierMode): Shape {
  const inner = new WorkflowBuilder('inner')
    .addStep('a', 'q.a', undoable('a', mode))
    .addStep('b', 'q.b', undoable('b', mode))
    .build();
  const workflow = new WorkflowBuilder('outer')
    .addWorkflow('sub', inner)
    .addStep('c', 'q.c', undoable('c', mode))
    .build();
  return shape(`sub-workflow: ${mode}`, workflow, { paths: ['sub/a', 'sub/b', 'c'] });
}

/** A map over two items, one at a time, of which one may fail. */
function map(mode: BarrierMode, tolerated: number): Shape {
  const workflow = new WorkflowBuilder('map')
    .addMap('m', {
      over: () => [1, 2],
      worker: 'q.m',
      concurrency: 1,
      tolerate: { count: tolerated },
      ...undoable('m', mode),
    })
    .build();
  const paths = ['m/0', 'm/1'];
  return shape(`map that bears ${tolerated} failures: ${mode}`, workflow, { paths });
}

const [T, E, N] = ['transaction', 'external', 'none'] as const;

/** The smallest: on these the ways of walking are compared with one another. */
export const SMALL: readonly Shape[] = [sequence(1, [T]), sequence(1, [E]), sequence(1, [N])];

export const SHAPES: readonly Shape[] = [
  sequence(2, [T], { person: TRIES_AGAIN, undoMayReject: true }),
  sequence(2, [E], { person: TRIES_AGAIN }),
  sequence(2, [N], { person: TRIES_AGAIN }),
  sequence(2, [T, T], { person: TRIES_AGAIN }),
  sequence(2, [T, E]),
  sequence(2, [E, T]),
  sequence(2, [E, E]),
  sequence(2, [N, N]),
  sequence(2, [T, T, T]),
  sequence(2, [T, E, T]),
  sequence(2, [T, T, E]),
  sequence(2, [N, N, N]),
  group('parallel group', [T, T]),
  group('parallel group', [E, T]),
  group('parallel group', [N, N]),
  group('parallel group, then a step', [T, T, T]),
  group('group that does not wait', [T, T], { onFailure: 'failFast' }),
  group('group that does not wait', [E, T], { onFailure: 'failFast' }),
  group('first of two, then a step', [T, T, T], { join: 'any' }),
  group('first of two', [E, T], { join: 'any' }),
  group('first of two, the other is kept', [T, T], { join: 'any', keep: true }),
  group('group that settles, then a step', [T, T, T], { join: 'settle' }),
  pivot([T, T, T]),
  pivot([T, E, E]),
  pivot([N, N, N]),
  conditional(T),
  conditional(E),
  hold(T),
  // Once: that it is tried again is what the person is there for.
  hold(E, 1),
  child(T),
  map(T, 0),
  map(T, 1),
];
