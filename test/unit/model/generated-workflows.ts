import { WorkflowBuilder } from '@counterstep/core';
import type { Workflow, WorkflowContext } from '@counterstep/core';
import { z } from 'zod';
import { Dice } from './dice.js';

/** What functions of the definitions depend on beside their context: while it is broken, some throw. */
export interface Weather {
  broken: boolean;
}

/** Where a step stands: `free` of any pivot, or before, beside or after it. */
type Era = 'free' | 'before' | 'beside' | 'after';

interface Place {
  readonly era: Era;
  /** In a group that does not wait, at any depth. */
  readonly failFast: boolean;
  readonly depth: number;
}

type Options = Record<string, unknown>;

const RESULT = z.looseObject({ n: z.number() });
const GO = z.looseObject({ by: z.string().optional() });

/** A workflow of up to `words.length` steps; each word describes one, or one that holds the next ones. */
export function workflowFrom(words: readonly number[], settings: number, weather: Weather): Workflow {
  return new Generator(words, weather).workflow(settings);
}

class Generator {
  private readonly left: number[];
  private named = 0;

  constructor(
    words: readonly number[],
    private readonly weather: Weather,
  ) {
    this.left = [...words];
  }

  workflow(settings: number): Workflow {
    const dice = new Dice(settings);
    const builder = new WorkflowBuilder('generated');
    if (settings !== 0 && dice.chance(0.15)) builder.withFailureMode('hold');
    if (settings !== 0 && dice.chance(0.25)) builder.withSagaTimeout(500 + dice.below(8_000));
    const pivotAt = settings !== 0 && dice.chance(0.35) ? dice.below(3) : undefined;
    let era: Era = pivotAt === undefined ? 'free' : 'before';
    for (let index = 0; this.left.length > 0; index += 1) {
      if (index !== pivotAt) {
        this.addItem(builder, { era, failFast: false, depth: 0 });
        continue;
      }
      this.addPivot(builder, dice);
      era = 'after';
    }
    return builder.build();
  }

  private addItem(builder: WorkflowBuilder, place: Place): void {
    const dice = this.take();
    if (place.depth < 2 && this.left.length > 1 && dice.chance(0.4)) this.addGroup(builder, dice, place);
    else this.addMember(builder, this.member(dice, place));
  }

  private addGroup(builder: WorkflowBuilder, dice: Dice, place: Place): void {
    const failFast = dice.chance(0.2);
    const inside = { ...place, failFast: place.failFast || failFast, depth: place.depth + 1 };
    const size = 1 + dice.below(Math.min(3, this.left.length));
    const members: Options[] = [];
    while (members.length < size && this.left.length > 0) members.push(this.member(this.take(), inside));
    const join = dice.pick(['all', 'all', 'any', 'settle', { quorum: 1 + dice.below(members.length) }]);
    this.addMembers(builder, members, {
      join,
      onFailure: failFast ? 'failFast' : 'quiesce',
      keep: dice.chance(0.25),
    });
  }

  private addMembers(builder: WorkflowBuilder, members: readonly Options[], options: Options): void {
    const writers = members.filter(({ writes }) => writes !== undefined).length;
    const broken = (): boolean => this.weather.broken;
    const reduce = (values: readonly unknown[]): unknown => {
      if (broken()) throw new Error('no reducer in this weather');
      return values;
    };
    builder.addParallelSteps(members as never, {
      ...options,
      ...(writers > 0 && (writers > 1 || members.length > 2) && { reducers: { total: reduce } }),
    });
  }

  /** A pivot alone, in a group, or in a sub-workflow. */
  private addPivot(builder: WorkflowBuilder, dice: Dice): void {
    const pivot = this.step(this.take(), { era: 'free', failFast: false, depth: 0 });
    for (const key of ['compensation', 'readOnly', 'undoNeedsOutput']) Reflect.deleteProperty(pivot, key);
    pivot['pivot'] = true;
    const shape = dice.weighted({ alone: 3, group: 2, child: 1 });
    if (shape === 'alone' || this.left.length === 0) {
      this.addMember(builder, pivot);
      return;
    }
    const beside: Place = { era: 'beside', failFast: false, depth: 2 };
    if (shape === 'group') {
      this.addMembers(builder, [pivot, this.member(this.take(), beside)], {});
      return;
    }
    const child = new WorkflowBuilder('child');
    this.addMember(child, this.member(this.take(), { era: 'before', failFast: false, depth: 2 }));
    this.addMember(child, pivot);
    if (this.left.length > 0)
      this.addMember(child, this.member(this.take(), { era: 'after', failFast: false, depth: 2 }));
    this.addMember(builder, { name: this.name('c'), workflow: child.build() });
  }

  /** As it stands in a group; `addMember` puts it into a line. */
  private member(dice: Dice, place: Place): Options {
    const kind = dice.weighted({ step: 12, signal: 1.5, sleep: 1, map: 3, child: place.depth < 2 ? 2.5 : 0 });
    switch (kind) {
      case 'step':
        return this.step(dice, place);
      case 'signal':
        return { name: this.name('w'), ...this.signal(dice), ...this.condition(dice, 0.1) };
      case 'sleep':
        return { name: this.name('z'), ...this.sleep(dice), ...this.condition(dice, 0.1) };
      case 'child':
        return { name: this.name('c'), ...this.child(dice, place) };
      case 'map':
        return { name: this.name('m'), ...this.map(dice, place), ...this.condition(dice, 0.1) };
    }
  }

  private step(dice: Dice, place: Place): Options {
    const name = this.name('s');
    const writes = dice.chance(0.2);
    const undoable = place.era === 'before' || (place.era === 'free' && !dice.chance(0.15));
    const barrier = place.failFast ? dice.pick(['transaction', 'external']) : dice.pick(BARRIERS);
    return {
      name,
      worker: `q.${name}`,
      ...(undoable && !(place.era === 'before' && dice.chance(0.1))
        ? { compensation: `q.undo-${name}` }
        : this.withoutUndo(dice, place.era)),
      ...(barrier && { barrier }),
      retry: { maxRetries: dice.below(3), ...policy(dice) },
      undoRetry: { maxRetries: dice.below(2), ...policy(dice) },
      attemptTimeout: 1_000,
      ...(dice.chance(0.15) && { stepTimeout: 500 + dice.below(2_500) }),
      ...(dice.chance(0.15) && { pickUpTimeout: 300 }),
      ...(dice.chance(0.2) && { output: RESULT }),
      ...(writes && { writes: ['total'] }),
      ...(dice.chance(0.3) && { input: this.mapper(dice) }),
      ...this.condition(dice, 0.15),
    };
  }

  private withoutUndo(dice: Dice, era: Era): Options {
    if (era === 'after') return { retriable: true };
    if (era === 'beside') return dice.chance(0.5) ? { retriable: true } : { readOnly: true };
    return era === 'before' || dice.chance(0.5) ? { readOnly: true } : {};
  }

  private signal(dice: Dice): Options {
    return {
      signal: dice.pick(['go', 'stop']),
      timeout: 1_500,
      onTimeout: dice.pick(['reject', 'continue']),
      ...(dice.chance(0.3) && { approval: true }),
      ...(dice.chance(0.3) && { output: GO }),
    };
  }

  private sleep(dice: Dice): Options {
    if (dice.chance(0.5)) return { sleep: 800 };
    const offset = dice.below(4_000) - 1_000;
    return { sleepUntil: (context: WorkflowContext) => (context.get('bornAt') as number) + offset };
  }

  private child(dice: Dice, place: Place): Options {
    const child = new WorkflowBuilder(this.name('child'));
    const size = 1 + dice.below(3);
    const inside = { ...place, depth: place.depth + 1 };
    for (let count = 0; count < size && (count === 0 || this.left.length > 0); count += 1)
      if (this.left.length > 0) this.addItem(child, inside);
      else this.addMember(child, this.step(new Dice(dice.below(1_000)), inside));
    return {
      workflow: child.build({ part: true }),
      ...(dice.chance(0.3) && { input: this.mapper(dice) }),
      ...(dice.chance(0.3) && { output: this.mapper(dice) }),
      ...this.condition(dice, 0.1),
    };
  }

  private map(dice: Dice, place: Place): Options {
    const list = dice.pick(['list0', 'list2', 'list3', 'list4', 'list3', 'list4', 'noList']);
    const { broken } = { broken: dice.chance(0.1) };
    const body = place.depth < 2 && dice.chance(0.35) ? this.child(dice, place) : this.step(dice, place);
    for (const key of ['name', 'condition', 'writes']) Reflect.deleteProperty(body, key);
    return {
      ...body,
      over: (context: WorkflowContext) => {
        if (broken && this.weather.broken) throw new Error('no list in this weather');
        return context.get(list);
      },
      concurrency: 1 + dice.below(3),
      ...(dice.chance(0.1) && { maxItems: 3 }),
      tolerate: dice.pick([{ count: 0 }, { count: 1 }, { count: 2 }, { fraction: 0.5 }, { fraction: 1 }]),
    };
  }

  private condition(dice: Dice, share: number): Options {
    if (!dice.chance(share)) return {};
    const about = dice.pick(['flag', 's1', 's2', 'total', 'broken']);
    return {
      condition: (context: WorkflowContext) => {
        if (about === 'broken' && this.weather.broken) throw new Error('no answer in this weather');
        const value = context.get(about);
        return about === 'flag' ? value : JSON.stringify(value ?? null).length % 2 === 0;
      },
    };
  }

  private mapper(dice: Dice): (context: WorkflowContext) => unknown {
    const breaks = dice.chance(0.25);
    return (context) => {
      if (breaks && this.weather.broken) throw new Error('no input in this weather');
      const { input, results } = context;
      return { ...input, seen: { ...results }, total: context.get('total') ?? null };
    };
  }

  private addMember(builder: WorkflowBuilder, given: Options): void {
    const { name, worker, workflow, signal, sleep, sleepUntil, approval, ...options } = given;
    const [named, rest] = [name as string, options as never];
    if (given['over'] !== undefined)
      builder.addMap(named, { ...options, ...(workflow ? { workflow } : { worker }) } as never);
    else if (workflow !== undefined) builder.addWorkflow(named, workflow as Workflow, rest);
    else if (signal !== undefined && approval)
      builder.waitForApproval(named, { signal, ...options } as never);
    else if (signal !== undefined) builder.waitForSignal(named, { signal, ...options } as never);
    else if (sleep !== undefined) builder.sleep(named, sleep as number, rest);
    else if (sleepUntil !== undefined) builder.sleepUntil(named, sleepUntil as never, rest);
    else builder.addStep(named, worker as string, rest);
  }

  private take(): Dice {
    return new Dice(this.left.shift() ?? 0);
  }

  private name(kind: string): string {
    this.named += 1;
    return `${kind}${this.named}`;
  }
}

const BARRIERS = ['transaction', 'transaction', 'external', 'none', undefined] as const;

function policy(dice: Dice): Options {
  return {
    initialDelay: dice.pick([0, 100, 1_000]),
    jitter: dice.pick(['none', 'full']),
    ...(dice.chance(0.15) && { budget: 400 + dice.below(1_000) }),
    nonRetryableCodes: ['FATAL'],
  };
}
