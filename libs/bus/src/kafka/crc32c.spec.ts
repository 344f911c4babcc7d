import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32c } from './crc32c.js';

const require = createRequire(import.meta.url);

test('the checksum is the one that the standard gives for nine digits', () => {
  expect(crc32c(Buffer.from('123456789'), 0)).toBe(0xe3069283);
});

test('the checksum is that of kafkajs, wherever the bytes begin', () => {
  const theirs = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, from) => {
      expect(crc32c(bytes, Math.min(from, bytes.length))).toBe(theirs(Buffer.from(bytes.subarray(from))));
    }),
  );
});
