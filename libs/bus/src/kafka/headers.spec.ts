import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { headersOf } from './headers.js';

const require = createRequire(import.meta.url);

/** Through kafkajs' own encoder and decoder. */
function roundTrip(headers: Record<string, string | string[]>): Record<string, Buffer> {
  const encode = require('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => {
    buffer: Buffer;
  };
  const decode = require('kafkajs/src/protocol/recordBatch/record/v0/decoder.js') as (
    decoder: object,
    context: object,
  ) => { headers: Record<string, Buffer> };
  const Decoder = require('kafkajs/src/protocol/decoder.js') as new (buffer: Buffer) => {
    readVarInt(): number;
  };
  const decoder = new Decoder(encode({ key: Buffer.from('k'), value: Buffer.from('v'), headers }).buffer);
  decoder.readVarInt();
  return decode(decoder, { firstOffset: '0', firstTimestamp: '0' }).headers;
}

describe('the headers of a delivery', () => {
  test('are texts', () => {
    expect(headersOf(roundTrip({ traceparent: '00-a', b: 'ü' }))).toEqual({ traceparent: '00-a', b: 'ü' });
    expect(headersOf(roundTrip({}))).toEqual({});
    expect(headersOf(undefined)).toEqual({});
  });

  test('cannot be confused with what every object has', () => {
    const hostile = Object.fromEntries([
      ['constructor', 'a'],
      ['__proto__', 'b'],
      ['toString', 'c'],
    ]);
    const headers = headersOf(roundTrip(hostile));
    expect(Object.entries(headers).sort()).toEqual([
      ['__proto__', 'b'],
      ['constructor', 'a'],
      ['toString', 'c'],
    ]);
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
  });

  test('are the same object for messages with the same single header, which nobody may change', () => {
    const one = headersOf(roundTrip({ traceparent: '00-a' }));
    expect(one).toEqual({ traceparent: '00-a' });
    expect(headersOf(roundTrip({ traceparent: '00-a' }))).toBe(one);
    expect(headersOf(roundTrip({ traceparent: '00-b' }))).toEqual({ traceparent: '00-b' });
    expect(headersOf(roundTrip({ other: '00-b' }))).toEqual({ other: '00-b' });
    expect(headersOf(roundTrip({ other: '00-b', traceparent: '00-a' }))).toEqual({
      other: '00-b',
      traceparent: '00-a',
    });
    expect(Object.isFrozen(one)).toBe(true);
  });

  test('leave out one that came twice: which of the two counts is not known', () => {
    expect(headersOf(roundTrip({ traceparent: ['00-a', '00-b'], other: 'c' }))).toEqual({ other: 'c' });
  });
});
