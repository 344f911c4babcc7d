import type * as z from 'zod';
import type { WorkflowContext } from './context.js';
import type { ParallelMember } from './groups.js';
import type { Workflow } from './workflow.js';

/* What later conditions and mappers see of a step, for the compiler alone. */

export type OutputOf<Schema> = Schema extends z.ZodType<infer Output> ? Output : unknown;

/*
 * Functions that may be left out are type parameters without a default: what was given has its own type, and where nothing
 * was given the parameter is its bound, which allows `undefined`.
 */

/** A member with a condition may have been passed over. */
export type MayBe<Asked, Result> = undefined extends Asked ? Result : Result | undefined;

export type ChildOutput<Input, Results, Patches> =
  ((context: WorkflowContext<Input, Results & Patches>) => unknown) | undefined;

/** What a sub-workflow gives: what its `output` makes, or the results of its steps. */
export type ChildResult<Mapper, Results> = undefined extends Mapper
  ? Results
  : Mapper extends (context: never) => infer Result
    ? Result
    : unknown;

/** The fields that a step writes into the context. */
export type Written<Schema, Keys extends string, Asked = undefined> = {
  [Key in Keys]: MayBe<Asked, FieldOf<OutputOf<Schema>, Key>>;
};

type FieldOf<Result, Key extends string> =
  Result extends Readonly<Record<Key, infer Value>> ? Value : unknown;

/** The context of what runs for one item of a map: that of the map, the item, and its place in the list. */
export type ItemContext<Input, Seen, Items> = WorkflowContext<
  Input & { readonly item: Items extends readonly (infer Item)[] ? Item : unknown; readonly index: number },
  Seen
>;

/** The data of an approval that was given. */
export interface Approved {
  readonly approved: true;
}

export type SignalData<Output, OnTimeout, Default = unknown> =
  (Output extends z.ZodType ? OutputOf<Output> : Default) | (OnTimeout extends 'continue' ? null : never);

type Members = readonly ParallelMember<never>[];

export type MemberResults<Group extends Members> = {
  [Each in Group[number] as Each['name']]: MayBe<Given<Each, 'condition', undefined>, ResultOf<Each>>;
};

type Given<Each, Key extends string, Absent> =
  Each extends Readonly<Record<Key, infer Value>> ? Value : Absent;

type ResultOf<Each> = Each extends { readonly over: (context: never) => unknown }
  ? (BodyResult<Each> | null)[]
  : Each extends { readonly workflow: Workflow }
    ? BodyResult<Each>
    : Each extends { readonly signal: string }
      ? SignalData<
          Given<Each, 'output', undefined>,
          Given<Each, 'onTimeout', 'reject'>,
          Each extends { readonly approval: true } ? Approved : unknown
        >
      : Each extends { readonly worker: string }
        ? OutputOf<Given<Each, 'output', undefined>>
        : null;

type BodyResult<Each> = Each extends { readonly workflow: Workflow<unknown, infer Results> }
  ? Each extends { readonly output: (context: never) => infer Result }
    ? Result
    : Results
  : OutputOf<Given<Each, 'output', undefined>>;

type KeysWritten<Each> = Each extends { readonly writes: readonly (infer Key extends string)[] }
  ? Key
  : never;

type ValueOf<Each, Key extends string> = Each extends unknown
  ? Key extends KeysWritten<Each>
    ? FieldOf<OutputOf<Given<Each, 'output', undefined>>, Key>
    : never
  : never;

/** What makes one value of those that the members of a group write to one field. */
export type ReducersOf<Group extends Members> = {
  readonly [Key in KeysWritten<Group[number]>]?: (values: readonly ValueOf<Group[number], Key>[]) => unknown;
};

export type MemberPatches<Group extends Members, Reducers> = {
  [Key in KeysWritten<Group[number]>]: Reducers extends Readonly<Record<Key, (values: never) => infer Value>>
    ? Value
    : ValueOf<Group[number], Key>;
};
