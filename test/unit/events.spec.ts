import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryStore } from '@counterstep/engine';
import { historySchema, problemSchema } from '@counterstep/protocol';
import { AppInProcess } from '../support/app-in-process.js';
import { EventStream } from '../support/event-stream.js';
import { Teller } from '../support/teller.js';
import { waitFor } from '../support/wait-for.js';

let app: AppInProcess;
let teller: Teller;
let streams: EventStream[];

beforeEach(async () => {
  app = new AppInProcess(new MemoryStore());
  await app.start([], { maxWatchers: 3, streams: { heartbeatMs: 30 } });
  teller = new Teller(app.broker.connect());
  streams = [];
});

afterEach(async () => {
  for (const stream of streams) stream.close();
  await app.stop();
});

const urlOf = (sagaId: string): string => `${app.api.url}/api/v1/sagas/${sagaId}/events`;
const open = async (sagaId: string, options = {}): Promise<EventStream> => {
  const stream = await EventStream.open(urlOf(sagaId), options);
  streams.push(stream);
  return stream;
};
const seqsOf = async (sagaId: string): Promise<number[]> => {
  const { body } = await app.api.get(`/api/v1/sagas/${sagaId}/history`);
  return historySchema.parse(body).items.map(({ seq }) => seq);
};
/** A saga whose second step is out. */
const charging = async (): Promise<string> => {
  app.silent.add('payments.charge');
  const sagaId = await app.orderId();
  await app.command(sagaId, 'payments.charge');
  return sagaId;
};
const goOn = async (sagaId: string): Promise<void> =>
  app.succeed(await app.command(sagaId, 'payments.charge'));

describe('the events of a saga', () => {
  test('are its whole history, each record once and in order, and an end', async () => {
    const sagaId = await app.orderId();
    const stream = await open(sagaId);
    await stream.ended();
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
    });
    expect(stream.retry).toBe(1_000);
    expect(stream.ids).toEqual(await seqsOf(sagaId));
    expect(stream.of('state').map(({ seq }) => seq)).toEqual(stream.ids);
    expect(stream.of('state')[0]).toMatchObject({
      event: 'start',
      state: 'running',
      phase: 'forward',
      steps: [{ name: 'reserve', forward: { status: 'running' } }],
    });
    expect(stream.of('state').at(-1)).toMatchObject({ state: 'completed' });
    expect(stream.of('progress').at(-1)).toMatchObject({ progress: 100, currentSteps: [] });
    const last = stream.events.at(-1);
    expect(last).toEqual({ event: 'end', id: undefined, data: { type: 'end', sagaId, state: 'completed' } });
    expect(stream.events.every(({ event, data }) => event === data.type)).toBe(true);
    expect(JSON.stringify(stream.events)).not.toContain('reservationId');
  });

  test('tell the undo and its cause', async () => {
    app.rejecting.add('payments.charge');
    const sagaId = await app.orderId();
    const stream = await open(sagaId);
    await stream.ended();
    expect(stream.of('state').at(-1)).toMatchObject({
      state: 'compensated',
      cause: { code: 'CARD_DECLINED', step: 'charge' },
      steps: [{ name: 'reserve', undo: { outcome: 'succeeded' } }],
    });
    expect(stream.of('end')).toEqual([{ type: 'end', sagaId, state: 'compensated' }]);
  });

  test('come as they happen, with what handlers tell between them', async () => {
    const sagaId = await charging();
    const stream = await open(sagaId);
    await stream.until(() => stream.of('progress').length > 0, 'how far it is');
    expect(stream.of('progress')).toMatchObject([{ progress: 33, currentSteps: ['charge'], steps: [] }]);
    const command = await app.command(sagaId, 'payments.charge');
    await teller.progress(command, 1, 2);
    await stream.until(() => stream.of('progress').length > 1, 'the words of the handler');
    expect(stream.of('progress')[1]).toMatchObject({
      progress: 50,
      steps: [{ step: 'charge', attempt: 1, progress: [{ category: 'charge', current: 1, total: 2 }] }],
    });
    await teller.log(command, 'card asked', { bank: 'b' });
    await stream.until(() => stream.of('progress').length > 2, 'the line');
    expect(stream.of('progress')[2]).toMatchObject({
      progress: 50,
      steps: [],
      logs: [{ event: 'card asked', data: { bank: 'b' }, step: 'charge' }],
    });
    expect(stream.events.filter(({ event, id }) => event !== 'state' && id !== undefined)).toEqual([]);
    await goOn(sagaId);
    await stream.ended();
    expect(stream.ids).toEqual(await seqsOf(sagaId));
    const percents = stream.of('progress').map(({ progress }) => progress);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  });

  test('go on behind the Last-Event-ID, without loss or repetition', async () => {
    const sagaId = await charging();
    const first = await open(sagaId);
    await first.until(() => first.of('progress').length > 0, 'how far it is');
    first.close();
    await goOn(sagaId);
    await app.ended(sagaId, 'completed');
    const second = await open(sagaId, { lastEventId: first.ids.at(-1) });
    await second.ended();
    expect(first.ids.length).toBeGreaterThan(1);
    expect(second.ids.length).toBeGreaterThan(1);
    expect([...first.ids, ...second.ids]).toEqual(await seqsOf(sagaId));
    const third = await open(sagaId, { lastEventId: second.ids.at(-1) });
    await third.ended();
    expect([third.ids, third.of('end').length]).toEqual([[], 1]);
  });

  test('show what was told before to whoever comes later', async () => {
    const sagaId = await charging();
    const command = await app.command(sagaId, 'payments.charge');
    await teller.progress(command, 3, 4);
    await teller.log(command, 'card asked');
    await waitFor(async () => (await app.api.get(`/api/v1/sagas/${sagaId}`)).body['progress'] === 58, {
      what: 'it was heard',
    });
    const stream = await open(sagaId, { lastEventId: 2 });
    await stream.until(() => stream.of('progress').length > 0, 'how far it is');
    expect(stream.of('progress')[0]).toMatchObject({
      progress: 58,
      steps: [{ progress: [{ current: 3 }] }],
      logs: [{ event: 'card asked' }],
    });
  });

  test('are kept alive by comments while nothing happens', async () => {
    const stream = await open(await charging());
    await stream.until(() => stream.comments.length >= 3, 'comments');
    expect(new Set(stream.comments)).toEqual(new Set(['alive']));
  });

  test('of a saga that is not there are a problem, and so is an id that is none of ours', async () => {
    const unknown = '01890000-0000-7000-8000-000000000001';
    for (const sagaId of [unknown, 'nonsense']) {
      const { status, body } = await app.api.get(`/api/v1/sagas/${sagaId}/events`);
      expect(problemSchema.parse(body)).toMatchObject({ status: 404, code: 'SAGA_NOT_FOUND' });
      expect(status).toBe(404);
    }
    const sagaId = await charging();
    for (const id of ['-1', '1.5', 'x', '12345678901']) {
      const { status, body } = await app.api.send('GET', `/api/v1/sagas/${sagaId}/events`, undefined, {
        'last-event-id': id,
      });
      expect([status, problemSchema.parse(body).problems]).toMatchObject([400, [{ path: 'Last-Event-ID' }]]);
    }
  });
});

describe('streams of events', () => {
  test('beyond their number are refused with 503, until another has ended', async () => {
    const sagaId = await charging();
    await Promise.all([open(sagaId), open(sagaId), open(sagaId)]);
    const { status, headers, body } = await app.api.get(`/api/v1/sagas/${sagaId}/events`);
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(problemSchema.parse(body)).toMatchObject({ code: 'TOO_MANY_WATCHERS' });
    streams[0]?.close();
    const next = await waitFor(
      async () => {
        const stream = await open(sagaId);
        return stream.response.statusCode === 200 && stream;
      },
      { what: 'there is room again' },
    );
    await goOn(sagaId);
    await next.ended();
  });

  test('end without an end when the app stops, and do not keep it from stopping', async () => {
    const sagaId = await charging();
    const [reading, idle] = [await open(sagaId), await open(sagaId, { reads: false })];
    await reading.until(() => reading.ids.length > 1, 'the beginning');
    const began = performance.now();
    await app.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
    await reading.ended();
    expect(reading.of('end')).toEqual([]);
    expect(idle.of('end')).toEqual([]);
  });
});
