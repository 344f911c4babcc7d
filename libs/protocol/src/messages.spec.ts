import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  NAME_PATTERN,
  commandSchema,
  deadLetterSchema,
  decodeMessage,
  effectKeyOf,
  encodeMessage,
  headersOf,
  heartbeatSchema,
  noticeSchema,
  progressMessageSchema,
  queueOf,
  replySchema,
  sagaEventSchema,
  sagaIdSchema,
  startMessageSchema,
  topicsOf,
  workerMessageSchema,
} from './index.js';
import { envelope, sagaid, work } from '../test-support/samples.js';

const messages = [
  [
    'command',
    commandSchema,
    { ...envelope, ...work, type: 'counterstep.command.v1', workflow: 'w', timeout: 1, data: {} },
  ],
  [
    'reply',
    replySchema,
    { ...envelope, ...work, type: 'counterstep.reply.v1', outcome: 'succeeded', data: {} },
  ],
  [
    'heartbeat',
    heartbeatSchema,
    { ...envelope, ...work, type: 'counterstep.heartbeat.v1', data: { undoData: { page: 1 } } },
  ],
  [
    'notice',
    noticeSchema,
    {
      ...envelope,
      type: 'counterstep.notice.v1',
      sagaid,
      step: 'a',
      direction: 'forward',
      run: 1,
      effectkey: 'k',
      reason: 'cancelled',
    },
  ],
  [
    'start',
    startMessageSchema,
    { ...envelope, type: 'counterstep.start.v1', data: { workflow: 'w', input: {} } },
  ],
  [
    'event',
    sagaEventSchema,
    {
      ...envelope,
      type: 'counterstep.saga.v1',
      time: '2026-01-01T00:00:00Z',
      sagaid,
      seq: 1,
      workflow: 'w',
      data: { state: 'running', phase: 'forward' },
    },
  ],
  [
    'progress',
    progressMessageSchema,
    {
      ...envelope,
      ...work,
      type: 'counterstep.progress.v1',
      time: '2026-01-01T00:00:00Z',
      origin: 'o',
      number: 1,
      data: {
        progress: [{ category: 'a', current: 1, total: 4 }],
        metrics: [{ category: 'a', values: { bytes: 7 } }],
        logs: [{ at: '2026-01-01T00:00:00Z', event: 'sent', data: {}, file: 'a.txt' }],
        dropped: 1,
      },
    },
  ],
  [
    'dead letter',
    deadLetterSchema,
    {
      ...envelope,
      type: 'counterstep.dead-letter.v1',
      time: '2026-01-01T00:00:00Z',
      data: { code: 'X', message: 'x', topic: 't', partition: 0, offset: '0', key: null, value: '' },
    },
  ],
] as const;

describe.each(messages)('the envelope of a %s', (_, schema, message) => {
  const decode = (changed: object) =>
    decodeMessage<unknown>(schema, encodeMessage({ ...message, ...changed }));

  it('travels as bytes and comes back the same', () => {
    expect(decode({})).toEqual({ ok: true, message });
  });

  it('may have attributes that this version does not know', () => {
    expect(decode({ tenant: 'x', datacontenttype: 'application/json' })).toMatchObject({ ok: true });
  });

  it('is refused in another major version', () => {
    const type = message.type.replace(/v1$/, 'v2');
    expect(decode({ type })).toMatchObject({
      ok: false,
      code: 'BAD_ENVELOPE',
      reason: expect.stringMatching(/^type: /),
    });
    expect(decode({ specversion: '2.0' })).toMatchObject({ ok: false, code: 'BAD_ENVELOPE' });
  });

  it.each(Object.keys(message).filter((key) => key !== 'data' || _ !== 'command'))('must have %s', (key) => {
    expect(decode({ [key]: undefined })).toMatchObject({ ok: false, code: 'BAD_ENVELOPE' });
  });
});

describe('the replies topic', () => {
  const decode = (message: object) => decodeMessage(workerMessageSchema, encodeMessage(message));
  const reply = { ...envelope, ...work, type: 'counterstep.reply.v1', outcome: 'succeeded', data: {} };
  const heartbeat = { ...envelope, ...work, type: 'counterstep.heartbeat.v1', data: {} };

  it('carries replies and heartbeats, told apart by their type', () => {
    expect(decode(reply)).toEqual({ ok: true, message: reply });
    expect(decode(heartbeat)).toEqual({ ok: true, message: heartbeat });
  });

  it.each([
    ['another message', { ...reply, type: 'counterstep.command.v1' }, /^type: /],
    ['a reply without its outcome', { ...reply, outcome: undefined }, /^outcome: /],
    ['a heartbeat without its token', { ...heartbeat, replytoken: undefined }, /^replytoken: /],
  ])('refuses %s and names what is wrong', (_, message, reason) => {
    expect(decode(message)).toMatchObject({
      ok: false,
      code: 'BAD_ENVELOPE',
      reason: expect.stringMatching(reason),
    });
  });
});

describe('the progress topic', () => {
  const message = (data: object) => ({
    ...envelope,
    ...work,
    type: 'counterstep.progress.v1',
    time: '2026-01-01T00:00:00Z',
    origin: 'o',
    number: 1,
    data,
  });
  const line = { at: '2026-01-01T00:00:00Z', event: 'e', data: {} };
  const many = (count: number, item: object) => Array.from({ length: count }, () => item);
  const tick = { category: 'c', current: 1, total: 2 };
  const isRead = (data: object) => decodeMessage(progressMessageSchema, encodeMessage(message(data))).ok;

  it('carries what is within the limits', () => {
    expect(isRead({})).toBe(true);
    expect(isRead({ progress: many(16, tick), metrics: many(16, { category: 'c', values: {} }) })).toBe(true);
    expect(isRead({ logs: many(50, line) })).toBe(true);
    expect(isRead({ logs: [{ ...line, event: 'e'.repeat(200), file: 'f'.repeat(400) }] })).toBe(true);
  });

  it.each([
    ['too many categories', { progress: many(17, tick) }],
    ['too many figures', { metrics: many(17, { category: 'c', values: {} }) }],
    ['too many lines', { logs: many(51, line) }],
    ['a long event', { logs: [{ ...line, event: 'e'.repeat(201) }] }],
    ['a long name of a category', { progress: [{ ...tick, category: 'c'.repeat(401) }] }],
    ['progress below nothing', { progress: [{ ...tick, current: -1 }] }],
    ['a line without a time', { logs: [{ ...line, at: 'noon' }] }],
    ['a negative number of dropped lines', { dropped: -1 }],
  ])('refuses %s', (_, data) => {
    expect(isRead(data)).toBe(false);
  });
});

describe('headersOf', () => {
  it('names the content, and the trace only when there is one', () => {
    expect(headersOf({})).toEqual({ 'content-type': 'application/cloudevents+json' });
    expect(headersOf({ traceparent: '00-1' })).toEqual({
      'content-type': 'application/cloudevents+json',
      traceparent: '00-1',
    });
  });
});

describe('decodeMessage', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const decode = (value: Uint8Array | null) => decodeMessage(startMessageSchema, value);

  it('names what is wrong', () => {
    expect(decode(null)).toMatchObject({ ok: false, code: 'EMPTY_MESSAGE' });
    expect(decode(new Uint8Array())).toMatchObject({ ok: false, code: 'NOT_JSON' });
    expect(decode(new Uint8Array([0xff, 0xfe]))).toMatchObject({ ok: false, code: 'NOT_UTF8' });
    expect(decode(bytes('null'))).toMatchObject({ ok: false, code: 'BAD_ENVELOPE' });
    expect(decode(bytes('{"data":{"input":{"x":"\\u0000"}}}'))).toMatchObject({
      code: 'UNSTORABLE_TEXT',
      reason: 'the character U+0000 is refused at data.input.x',
    });
  });

  it('gives a reason that can itself be stored and sent', () => {
    for (const text of [
      '\u0000 raw',
      '{"\\u0000":1}',
      '{"\\ud800":1}',
      `{"${'x'.repeat(9_000)}\\u0000":1}`,
    ]) {
      const decoded = decode(bytes(text));
      const reason = decoded.ok ? '' : decoded.reason;
      expect(reason).not.toContain('\u0000');
      expect(reason.isWellFormed()).toBe(true);
      expect(reason.length).toBeLessThanOrEqual(2_000);
    }
  });

  it('never throws, whatever the bytes', () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ stringUnit: 'binary' }).map(bytes),
      fc.record({ ...envelopeOf(), data: fc.anything() }).map((value) => bytes(safeJson(value))),
    );
    fc.assert(
      fc.property(anyBytes, fc.constantFrom(...messages.map(([, schema]) => schema)), (value, schema) => {
        const decoded = decodeMessage<unknown>(schema, value);
        expect(typeof decoded.ok).toBe('boolean');
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('names', () => {
  it('of effects are stable over attempts and distinct over runs and directions', () => {
    expect(effectKeyOf(sagaid, 'parent/child', 2, 'undo')).toBe(`${sagaid}/parent/child/2/undo`);
    const keys = [1, 2].flatMap((run) => [
      effectKeyOf(sagaid, 'a', run, 'forward'),
      effectKeyOf(sagaid, 'a', run, 'undo'),
    ]);
    expect(new Set(keys).size).toBe(4);
  });

  it('of topics carry the prefix', () => {
    const topics = topicsOf('shop');
    expect([topics.commands('payments'), topics.notices('payments')]).toEqual([
      'shop.commands.payments',
      'shop.notices.payments',
    ]);
    expect([topics.replies, topics.starts, topics.events, topics.progress, topics.deadLetters]).toEqual([
      'shop.replies',
      'shop.starts',
      'shop.events',
      'shop.progress',
      'shop.dead-letters',
    ]);
  });

  it('of workers begin with their queue', () => {
    expect(['payments.charge', 'charge_payment', 'a.b.c'].map(queueOf)).toEqual([
      'payments',
      'charge_payment',
      'a',
    ]);
  });

  it('have dots only inside', () => {
    const good = ['a', 'A-1_b', 'a.b', '_', '9', 'x'.repeat(100)];
    const bad = ['', '.a', 'a.', '-a', 'a b', 'a/b', 'é', 'a\n', 'x'.repeat(101)];
    expect(good.filter((name) => !NAME_PATTERN.test(name))).toEqual([]);
    expect(bad.filter((name) => NAME_PATTERN.test(name))).toEqual([]);
  });

  it('of sagas are UUIDv7 in lower case', () => {
    expect(sagaIdSchema.safeParse(sagaid).success).toBe(true);
    for (const id of ['', sagaid.replace('-7', '-4'), '01900000-0000-7000-8000-00000000000A', `${sagaid} `])
      expect(sagaIdSchema.safeParse(id).success).toBe(false);
  });
});

function envelopeOf() {
  return {
    specversion: fc.constant('1.0'),
    id: fc.string(),
    source: fc.string(),
    type: fc.constant('counterstep.start.v1'),
  };
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'null';
  }
}
