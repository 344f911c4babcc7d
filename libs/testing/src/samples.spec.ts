import { expect, test } from '@jest/globals';
import * as z from 'zod';
import { sampleOf } from './samples.js';

interface Folder {
  name: string;
  folders: Folder[];
  parent?: Folder | undefined;
}
const folder: z.ZodType<Folder> = z.lazy(() =>
  z.object({ name: z.string(), folders: z.array(folder), parent: folder.optional() }),
);

const fitting: [string, z.ZodType][] = [
  [
    'texts',
    z.object({ id: z.uuid(), mail: z.email(), at: z.iso.datetime(), on: z.iso.date(), url: z.url() }),
  ],
  ['lengths', z.object({ short: z.string().max(2), long: z.string().min(40), exact: z.string().length(7) })],
  ['patterns', z.object({ currency: z.string().regex(/^[A-Z]{3}$/), sku: z.string().regex(/^[a-z]+-\d+$/) })],
  [
    'numbers',
    z.object({ any: z.number(), low: z.int().min(7), high: z.number().lt(-2), half: z.number().gt(0).lt(1) }),
  ],
  [
    'steps of numbers',
    z.object({ ten: z.number().multipleOf(10), cents: z.number().multipleOf(0.05).min(0.3) }),
  ],
  [
    'choices',
    z.object({ one: z.enum(['a', 'b']), two: z.literal(7), three: z.union([z.null(), z.number()]) }),
  ],
  [
    'told apart',
    z.discriminatedUnion('kind', [z.object({ kind: z.literal('card'), last: z.string().length(4) })]),
  ],
  ['both', z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() }))],
  [
    'lists',
    z.object({
      many: z.array(z.int()).min(3),
      none: z.array(z.string()).max(0),
      pair: z.tuple([z.string(), z.int()]),
    }),
  ],
  ['records', z.object({ by: z.record(z.string(), z.int()), of: z.record(z.enum(['x', 'y']), z.boolean()) })],
  ['defaults and nulls', z.object({ a: z.string().default('d'), b: z.string().nullable(), c: z.null() })],
  [
    'transforms',
    z.object({ at: z.iso.datetime().transform((text) => new Date(text)), n: z.coerce.number() }),
  ],
  ['itself within itself', folder],
  ['anything', z.object({ a: z.unknown(), b: z.any() })],
];

test.each(fitting)('a sample fits its schema: %s', (_, schema) => {
  expect(schema.safeParse(sampleOf(schema, 'it')).error).toBeUndefined();
});

test('a sample has every optional field, two items in a list, and names in its texts', () => {
  const schema = z.object({ orderId: z.string(), lines: z.array(z.object({ sku: z.string() })).optional() });
  expect(sampleOf(schema, 'it')).toEqual({ orderId: 'orderId', lines: [{ sku: 'sku' }, { sku: 'sku' }] });
});

test('an example of the schema is taken before anything is made', () => {
  expect(sampleOf(z.object({ iban: z.string().meta({ examples: ['DE00'] }) }), 'it')).toEqual({
    iban: 'DE00',
  });
});

test('what cannot be guessed is asked for', () => {
  const even = z.int().refine((value) => value % 97 === 96, 'not as agreed');
  expect(() => sampleOf(z.object({ even }), 'the output of charge')).toThrow(
    'no sample of the output of charge could be made (even: not as agreed): give one, or add `.meta({ examples: [...] })`',
  );
});
