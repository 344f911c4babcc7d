import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { murmur2, partitionFor } from './partitioner.js';

const require = createRequire(import.meta.url);
const theirs = require('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: string) => number;

describe('the partition of a key', () => {
  test('is computed by the same hash as kafkajs uses, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (key) => {
        expect(murmur2(Buffer.from(key))).toBe(theirs(key));
      }),
    );
  });

  test('is the one of the Java client, as its own tests list it', () => {
    const listed = { '21': -973932308, foobar: -790332482, 'a-little-bit-long-string': -985981536 };
    for (const [key, hash] of Object.entries(listed)) expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  test('lies within the partitions', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionFor(key, partitions);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(partitions);
      }),
    );
  });
});
