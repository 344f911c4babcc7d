import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import {
  commandSchema,
  deadLetterSchema,
  noticeSchema,
  progressMessageSchema,
  replySchema,
  sagaEventSchema,
  startMessageSchema,
  workerMessageSchema,
} from './index.js';
import { quickCheckOf } from './quick-check.js';
import { envelope, sagaid, work } from '../test-support/samples.js';

const command = {
  ...envelope,
  ...work,
  type: 'counterstep.command.v1',
  workflow: 'w',
  timeout: 1,
  traceparent: '00-1',
  data: {},
};
const error = { code: 'C', message: 'm', retryable: true };
const reply = {
  ...envelope,
  ...work,
  type: 'counterstep.reply.v1',
  outcome: 'failed',
  noop: true,
  data: { error },
};
const heartbeat = { ...envelope, ...work, type: 'counterstep.heartbeat.v1', data: { undoData: 1 } };

const schemas: readonly z.ZodType[] = [
  commandSchema,
  replySchema,
  workerMessageSchema,
  noticeSchema,
  startMessageSchema,
  sagaEventSchema,
  deadLetterSchema,
  progressMessageSchema,
];

/** Strings about as long as the limits, numbers about the limits of an integer, and everything else. */
const anything = fc.oneof(
  fc.anything({ withNullPrototype: false }),
  fc.integer({ min: 0, max: 2_100 }).map((length) => 'x'.repeat(length)),
  fc.constantFrom(0, -1, 1.5, 2 ** 53, NaN, Infinity, '', null, undefined, [], {}, 'forward', sagaid),
);

type Path = readonly string[];
function pathsOf(value: object): Path[] {
  return Object.entries(value).flatMap(([key, inner]) => [
    [key],
    ...(typeof inner === 'object' && inner !== null
      ? pathsOf(inner as object).map((path) => [key, ...path])
      : []),
  ]);
}

function withValue(message: object, [key = '', ...rest]: Path, value: unknown): object {
  const inner = (message as Record<string, unknown>)[key];
  const put = rest.length === 0 ? value : withValue(inner as object, rest, value);
  return { ...message, [key]: put };
}

describe('a quick check', () => {
  it.each([
    ['command', commandSchema, command, 'data'],
    ['reply', workerMessageSchema, reply, undefined],
    ['heartbeat', workerMessageSchema, heartbeat, 'data.undoData'],
  ])('knows a valid %s, and takes nothing else', (_, schema, message, free) => {
    const check = quickCheckOf(schema);
    expect(check(message)).toBe(true);
    const taken = pathsOf(message).filter((path) => check(withValue(message, path, Symbol('wrong'))));
    expect(taken.map((path) => path.join('.'))).toEqual(free === undefined ? [] : [free]);
  });

  it('never takes what its schema refuses', () => {
    const changed = fc
      .constantFrom<object>(command, reply, heartbeat)
      .chain((message) =>
        fc
          .tuple(fc.constantFrom(...pathsOf(message)), anything)
          .map(([path, value]) => withValue(message, path, value)),
      );
    fc.assert(
      fc.property(fc.oneof(changed, anything), fc.constantFrom(...schemas), (value, schema) => {
        if (quickCheckOf(schema)(value)) expect(schema.safeParse(value).success).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['more keys than it knows', z.strictObject({ a: z.string() }), { a: 'a' }],
    ['a refined object', z.object({ a: z.string() }).refine(() => false), { a: 'a' }],
    ['a refined text', z.string().refine(() => false), 'a'],
    ['a text that is changed', z.string().trim(), 'a'],
    ['a date', z.iso.datetime(), 'a'],
    ['a pattern with a memory', z.string().regex(/a/g), 'a'],
    ['any number', z.number(), 1],
    ['a number made of what comes', z.coerce.number().int(), '1'],
  ])('leaves %s to the schema', (_, schema, value) => {
    expect(quickCheckOf(schema)(value)).toBe(false);
  });
});
