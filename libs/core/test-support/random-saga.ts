import fc from 'fast-check';
import { WorkflowBuilder, decide, isFinished, openAttempts } from '../src/index.js';
import { openWaits } from '../src/saga.js';
import type {
  CommandEffect,
  Decision,
  Fact,
  ParallelMember,
  Saga,
  SagaEvent,
  Workflow,
} from '../src/index.js';

/* Workflows of every kind of item, and sagas of them that things happened to. */

type ItemShape =
  | { readonly kind: 'step'; readonly undo: boolean; readonly readOnly: boolean; readonly taken: boolean }
  | { readonly kind: 'signal' | 'sleep'; readonly goesOn: boolean }
  | { readonly kind: 'workflow'; readonly items: readonly ItemShape[] }
  | {
      readonly kind: 'map';
      readonly count: number;
      readonly concurrency: number;
      readonly tolerate: number;
      readonly items: readonly ItemShape[];
    }
  | {
      readonly kind: 'group';
      readonly join: number;
      readonly keep: boolean;
      readonly members: readonly ItemShape[];
    };

const step: fc.Arbitrary<ItemShape> = fc.record({
  kind: fc.constant('step'),
  undo: fc.integer({ max: 5 }).map((n) => n > 0),
  readOnly: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
  taken: fc.integer({ min: 0, max: 7 }).map((n) => n > 0),
});

const { item } = fc.letrec<{ item: ItemShape; member: ItemShape }>((tie) => ({
  member: fc.oneof(
    { maxDepth: 3, depthSize: 'medium' },
    { weight: 5, arbitrary: step },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('signal', 'sleep'), goesOn: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('workflow'),
        items: fc.array(tie('item'), { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('map'),
        count: fc.nat({ max: 4 }),
        concurrency: fc.integer({ min: 1, max: 3 }),
        tolerate: fc.nat({ max: 1 }),
        items: fc.array(tie('item'), { minLength: 1, maxLength: 2 }),
      }),
    },
  ),
  item: fc.oneof(
    { weight: 3, arbitrary: tie('member') },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('group'),
        join: fc.nat({ max: 3 }),
        keep: fc.boolean(),
        members: fc.array(tie('member'), { minLength: 2, maxLength: 3 }),
      }),
    },
  ),
})) as { item: fc.Arbitrary<ItemShape> };

const RETRY = {
  retry: { maxRetries: 1, jitter: 'none' },
  undoRetry: { maxRetries: 1, jitter: 'none' },
} as const;

function memberOf(shape: Exclude<ItemShape, { kind: 'group' }>, name: string): ParallelMember {
  switch (shape.kind) {
    case 'step':
      return {
        name,
        worker: 'q.do',
        ...RETRY,
        barrier: 'transaction',
        ...(shape.readOnly ? { readOnly: true } : shape.undo && { compensation: 'q.undo' }),
        ...(!shape.taken && { condition: () => false }),
      };
    case 'signal':
      return { name, signal: 'go', timeout: 5_000, onTimeout: shape.goesOn ? 'continue' : 'reject' };
    case 'sleep':
      return { name, sleep: 2_000 };
    case 'workflow':
      return { name, workflow: built(shape.items, 'child') };
    case 'map':
      return {
        name,
        over: () => Array.from({ length: shape.count }, (_, index) => index),
        concurrency: shape.concurrency,
        tolerate: { count: shape.tolerate },
        workflow: built(shape.items, 'body'),
      };
  }
}

function add(builder: WorkflowBuilder, shape: ItemShape, name: string): void {
  if (shape.kind !== 'group') {
    // A group of one member is the one way to add any kind by the same words.
    builder.addParallelSteps([memberOf(shape, name)]);
    return;
  }
  const members = shape.members.map((member, index) =>
    memberOf(member as Exclude<ItemShape, { kind: 'group' }>, `${name}${'abc'[index] ?? ''}`),
  );
  const join = (['all', 'any', 'settle', { quorum: 2 }] as const)[shape.join] ?? 'all';
  builder.addParallelSteps(members, { join, keep: shape.keep });
}

function built(items: readonly ItemShape[], name: string): Workflow {
  const builder = new WorkflowBuilder(name);
  items.forEach((shape, index) => {
    add(builder, shape, `s${index}`);
  });
  return builder.build();
}

export interface WorkflowShape {
  readonly items: readonly ItemShape[];
  readonly pivot: boolean;
  readonly hold: boolean;
}

export const shapes: fc.Arbitrary<WorkflowShape> = fc.record({
  items: fc.array(item, { minLength: 1, maxLength: 4 }),
  pivot: fc.boolean(),
  hold: fc.nat({ max: 4 }).map((n) => n === 0),
});

/** The pivot stands at the end, and what comes before it can be undone. */
export function workflowOf({ items, pivot, hold }: WorkflowShape): Workflow {
  const builder = new WorkflowBuilder('random');
  (pivot ? items.map(undoable) : items).forEach((shape, index) => {
    add(builder, shape, `s${index}`);
  });
  if (pivot) {
    const more = { ...RETRY, barrier: 'transaction' } as const;
    builder.addStep('pivot', 'q.pivot', { ...more, pivot: true });
    builder.addStep('after', 'q.after', { ...more, retriable: true });
  }
  if (hold) builder.withFailureMode('hold');
  return builder.build();
}

function undoable(shape: ItemShape): ItemShape {
  if (shape.kind === 'step') return { ...shape, undo: true };
  if (shape.kind === 'group') return { ...shape, members: shape.members.map(undoable) };
  return 'items' in shape ? { ...shape, items: shape.items.map(undoable) } : shape;
}

/** Numbers that are read against the saga of the moment, so that most events concern what is going on. */
export const happenings = fc.array(fc.record({ kind: fc.nat({ max: 19 }), pick: fc.nat({ max: 50 }) }), {
  maxLength: 20,
  size: 'max',
});
export type Happening = typeof happenings extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

const SAGA_ID = '01900000-0000-7000-8000-000000000001';

/** A saga that is moved by the real `decide`, and the commands that it sent. */
export class RandomSaga {
  saga: Saga;
  now = 1_000_000;
  readonly sent: CommandEffect[] = [];
  /** What the last event made. */
  facts: readonly Fact[];
  onApplied: (before: Saga, after: Saga, event: string, facts: readonly Fact[]) => void = () => undefined;
  private signals = 0;

  /** `startAt`: put off. */
  constructor(
    readonly workflow: Workflow,
    startAt?: number,
  ) {
    const put = startAt === undefined ? {} : { startAt };
    const start = { type: 'start', sagaId: SAGA_ID, input: {}, ...put } as const;
    const decision = decide(workflow, undefined, start, { now: this.now, random: 0.5 });
    if (decision.kind !== 'applied') throw new Error('a start is applied');
    this.saga = decision.saga;
    this.facts = decision.record.facts;
    this.sent.push(...decision.effects.commands);
  }

  tell(event: SagaEvent): Decision {
    this.now += 1;
    const decision = decide(this.workflow, this.saga, event, { now: this.now, random: 0.5 });
    if (decision.kind === 'applied') {
      this.onApplied(this.saga, decision.saga, event.type, decision.record.facts);
      this.saga = decision.saga;
      this.facts = decision.record.facts;
      this.sent.push(...decision.effects.commands);
    }
    return decision;
  }

  /** Answers the present attempt; in any status, as a worker may. */
  answer(
    step: string,
    direction: 'forward' | 'undo',
    outcome: 'succeeded' | 'rejected' | 'failed',
  ): Decision {
    const { run = 1, attempt = 1 } = this.saga.steps[step]?.[direction] ?? {};
    const error = { code: 'E', message: 'e', retryable: false };
    const words = outcome === 'succeeded' ? { output: {} } : { error };
    return this.tell({ type: 'reply', step, direction, run, attempt, outcome, ...words });
  }

  /** Leaves finished sagas as they are. */
  happen({ kind, pick }: Happening): void {
    if (isFinished(this.saga)) return;
    const open = openAttempts(this.saga);
    const target = open[pick % Math.max(1, open.length)];
    if (kind < 12 && target) {
      const outcome = kind < 9 ? 'succeeded' : kind === 9 ? 'rejected' : 'failed';
      this.answer(target.step, target.direction, outcome);
    } else if (kind === 12 && target) {
      const { step, direction, attempts } = target;
      const { run, attempt } = attempts;
      if (attempts.status === 'running') this.tell({ type: 'deadline', step, direction, run, attempt });
    } else if (kind < 16) {
      const times = [...open.map(({ attempts }) => attempts), ...openWaits(this.saga)].map((wait) =>
        'until' in wait ? wait.until : (wait.dueAt ?? 0),
      );
      if (times.length > 0) this.now = Math.max(this.now, Math.min(...times));
      this.tell({ type: 'timer' });
    } else if (kind < 19) {
      this.signals += 1;
      this.tell({ type: 'signal', id: `signal ${this.signals}`, name: 'go', data: {} });
    } else if (pick < 5) this.tell({ type: 'cancel' });
    else if (pick < 8) this.tell({ type: this.saga.paused ? 'resume' : 'pause' });
  }
}
