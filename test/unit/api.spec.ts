import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  historySchema,
  problemSchema,
  sagaPageSchema,
  sagaSchema,
  scheduleListSchema,
} from '@counterstep/protocol';
import { ORDER, memoryApp, type AppInProcess } from '../support/app-in-process.js';
import { waitFor } from '../support/wait-for.js';

let app: AppInProcess;

beforeEach(async () => {
  app = await memoryApp().start();
});

afterEach(async () => {
  await app.stop();
});

describe('a start', () => {
  test('answers 201 with the place of the saga, which runs to its end', async () => {
    const { status, headers, body } = await app.order();
    expect({ status, body }).toEqual({
      status: 201,
      body: { sagaId: expect.any(String), workflow: 'order', existed: false },
    });
    expect(headers.get('location')).toBe(`/api/v1/sagas/${String(body['sagaId'])}`);
    const saga = await app.ended(String(body['sagaId']), 'completed');
    expect(saga).toMatchObject({ progress: 100, currentStep: null, error: null, stepResults: { ship: {} } });
    expect(saga.steps.map(({ name, forward }) => [name, forward?.outcome, forward?.attempts])).toEqual([
      ['reserve', 'succeeded', 1],
      ['charge', 'succeeded', 1],
      ['ship', 'succeeded', 1],
    ]);
  });

  test('with a time in the future stays pending and sends nothing', async () => {
    const startAt = '2100-01-01T00:00:00+02:00';
    const { body } = await app.api.post('/api/v1/sagas', { workflow: 'order', input: ORDER, startAt });
    expect((await app.api.get(`/api/v1/sagas/${String(body['sagaId'])}`)).body).toMatchObject({
      state: 'pending',
      currentStep: null,
      steps: [],
    });
  });

  test('with the Idempotency-Key of an earlier one answers 200 with its saga', async () => {
    const first = await app.order(ORDER, { 'idempotency-key': 'k-1' });
    const second = await app.order(ORDER, { 'idempotency-key': 'k-1' });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual({ ...first.body, existed: true });
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(await app.store.list({ limit: 10 })).toHaveLength(1);
  });

  test('with a used Idempotency-Key and another body is refused with 409', async () => {
    await app.order(ORDER, { 'idempotency-key': 'k-1' });
    const other = await app.order({ ...ORDER, orderId: 'o-2' }, { 'idempotency-key': 'k-1' });
    expect(problemSchema.parse(other.body)).toMatchObject({ status: 409, code: 'IDEMPOTENCY_CONFLICT' });
    expect(await app.store.list({ limit: 10 })).toHaveLength(1);
  });

  test('with a business key that is taken answers as its policy says', async () => {
    app.silent.add('inventory.reserve');
    const post = (policy: string) =>
      app.api.post('/api/v1/sagas', {
        workflow: 'order',
        input: ORDER,
        businessKey: { key: 'o-1', policy },
      });
    const first = await post('reject');
    const { sagaId } = first.body;
    expect(await post('returnExisting')).toMatchObject({
      status: 200,
      body: { sagaId, workflow: 'order', existed: true },
    });
    for (const policy of ['reject', 'startIfClosed']) {
      const { body } = await post(policy);
      expect(problemSchema.parse(body)).toMatchObject({
        status: 409,
        code: 'BUSINESS_KEY_TAKEN',
        sagaId,
      });
    }
    expect(await app.store.list({ limit: 10 })).toHaveLength(1);
  });

  test('with an Idempotency-Key that is too long is refused by the name of the header', async () => {
    const { status, body } = await app.order(ORDER, { 'idempotency-key': 'x'.repeat(201) });
    expect({ status, problems: body['problems'] }).toMatchObject({
      status: 400,
      problems: [{ path: 'Idempotency-Key' }],
    });
  });

  test('while the broker is away is accepted, and runs once it is back', async () => {
    app.broker.available = false;
    expect((await app.api.get('/health/ready')).status).toBe(503);
    const { status, body } = await app.order();
    expect(status).toBe(201);
    app.broker.available = true;
    await app.ended(String(body['sagaId']), 'completed');
  });
});

describe('a saga', () => {
  test('that was refused shows its cause, and which steps were undone', async () => {
    app.rejecting.add('payments.charge');
    const saga = await app.ended(await app.orderId(), 'compensated');
    expect(saga).toMatchObject({
      error: 'declined',
      cause: { code: 'CARD_DECLINED', step: 'charge', attempt: 1 },
      notUndone: [],
    });
    expect(saga.steps.map(({ name, forward, undo }) => [name, forward?.outcome, undo?.outcome])).toEqual([
      ['reserve', 'succeeded', 'succeeded'],
      ['charge', 'rejected', undefined],
    ]);
  });

  test('tells its history without gaps', async () => {
    const sagaId = await app.orderId();
    await app.ended(sagaId, 'completed');
    const { items } = historySchema.parse((await app.api.get(`/api/v1/sagas/${sagaId}/history`)).body);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
    expect(items[0]).toMatchObject({ event: 'start', facts: [{ type: 'started', input: ORDER }, {}, {}] });
    expect(items.at(-1)?.facts.at(-1)).toEqual({ type: 'finished', state: 'completed' });
  });

  test('that runs is cancelled with 202, again with 202, and ends cancelled', async () => {
    app.silent.add('shipping.ship');
    const sagaId = await app.orderId();
    await waitFor(async () => (await app.api.get(`/api/v1/sagas/${sagaId}`)).body['currentStep'] === 'ship', {
      what: 'shipping is asked',
    });
    const first = await app.api.post(`/api/v1/sagas/${sagaId}/cancel`, { reason: 'changed their mind' });
    const second = await app.api.post(`/api/v1/sagas/${sagaId}/cancel`);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(sagaSchema.parse(first.body)).toMatchObject({ state: 'running', phase: 'cancelling' });
    const history = await app.api.get(`/api/v1/sagas/${sagaId}/history`);
    expect(JSON.stringify(history.body)).toContain('changed their mind');
  });

  test('that is finished refuses a cancel with 409 and its state', async () => {
    const sagaId = await app.orderId();
    await app.ended(sagaId, 'completed');
    const { body } = await app.api.post(`/api/v1/sagas/${sagaId}/cancel`);
    expect(problemSchema.parse(body)).toMatchObject({ status: 409, code: 'SAGA_CLOSED', state: 'completed' });
  });

  test.each(['018f0000-0000-7000-8000-000000000000', 'nonsense', '%00'])(
    'that is unknown (%s) is 404 everywhere',
    async (id) => {
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/history'],
        ['POST', '/cancel'],
      ] as const) {
        const { status, body } = await app.api.send(method, `/api/v1/sagas/${id}${path}`);
        expect({ path, status, code: body['code'] }).toEqual({ path, status: 404, code: 'SAGA_NOT_FOUND' });
      }
    },
  );
});

describe('a list', () => {
  test('comes in pages that hold each saga once, the newest first', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift(await app.orderId());
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const page = sagaPageSchema.parse((await app.api.get(`/api/v1/sagas?limit=2${cursor}`)).body);
      seen.push(...page.items.map(({ sagaId }) => sagaId));
      cursor = `&cursor=${String(page.nextCursor)}`;
      expect(page.nextCursor === null).toBe(pages === 2);
    }
    expect(seen).toEqual(ids);
  });

  test('filters by workflow, by states, and by what waits for a person', async () => {
    const done = await app.orderId();
    await app.ended(done, 'completed');
    app.silent.add('inventory.reserve');
    const running = await app.orderId();
    const ids = async (query: string) =>
      sagaPageSchema
        .parse((await app.api.get(`/api/v1/sagas?${query}`)).body)
        .items.map(({ sagaId }) => sagaId);
    expect(await ids('state=completed')).toEqual([done]);
    expect(await ids('state=completed&state=running')).toEqual([running, done]);
    expect(await ids('workflow=order&state=running')).toEqual([running]);
    expect(await ids('workflow=express-order')).toEqual([]);
    expect(await ids('attention=true')).toEqual([]);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=many', 'limit'],
    ['limit=201', 'limit'],
    ['state=done', 'state'],
    ['cursor=abc', 'cursor'],
    ['workflow=%00', 'workflow'],
    ['attention=maybe', 'attention'],
    ['sort=name', 'sort'],
  ])('with %s is refused with 400 that names the parameter', async (query, path) => {
    const { status, body } = await app.api.get(`/api/v1/sagas?${query}`);
    expect({ status, ...body }).toMatchObject({ status: 400, code: 'REQUEST_INVALID', problems: [{ path }] });
  });
});

describe('schedules', () => {
  test('are listed with their next tick, which starts a saga', async () => {
    expect((await app.api.get('/api/v1/schedules')).body).toEqual({ items: [] });
    const timed = memoryApp();
    await timed.start([
      { name: 'often', cron: '* * * * * *', workflow: 'order', input: ORDER },
      { name: 'once', cron: '0 0 1 1 *', timeZone: 'Asia/Tokyo', workflow: 'order', input: ORDER },
    ]);
    try {
      const { items } = scheduleListSchema.parse((await timed.api.get('/api/v1/schedules')).body);
      expect(items).toEqual([
        expect.objectContaining({ name: 'often', timeZone: 'UTC', workflow: 'order', catchUp: 3_600_000 }),
        expect.objectContaining({ name: 'once', nextTick: expect.stringMatching(/-12-31T15:00:00.000Z$/) }),
      ]);
      const [row] = await waitFor(
        async () => {
          const rows = await timed.store.list({ limit: 1 });
          return rows.length > 0 && rows;
        },
        { what: 'a saga of the first' },
      );
      expect(row?.workflow.name).toBe('order');
    } finally {
      await timed.stop();
    }
  });

  test('that are bad keep the app from starting, and all are named', async () => {
    const bad = [
      { name: 'a', cron: 'x', workflow: 'order', input: ORDER },
      { name: 'b', cron: '@daily', workflow: 'odrer' },
    ];
    await expect(memoryApp().start(bad)).rejects.toMatchObject({
      code: 'BAD_SCHEDULES',
      message: expect.stringMatching(/a: BAD_CRON.*b: UNKNOWN_WORKFLOW.*known are express-order, order/),
    });
  });
});

describe('definitions', () => {
  test('are listed with their steps and warnings', async () => {
    const { body } = await app.api.get('/api/v1/workflows');
    expect(body['items']).toEqual([
      expect.objectContaining({
        name: 'order',
        version: 1,
        steps: ['reserve', 'charge', 'ship'],
        warnings: [],
      }),
      expect.objectContaining({ name: 'express-order' }),
    ]);
  });

  test('are shown as data, by name and by version', async () => {
    const { body } = await app.api.get('/api/v1/workflows/order?version=1');
    expect(body).toMatchObject({
      name: 'order',
      inputSchema: { type: 'object' },
      items: [{ name: 'reserve' }, {}, {}],
    });
    expect((await app.api.get('/api/v1/workflows/order')).body).toEqual(body);
    const other = await app.api.get('/api/v1/workflows/order?version=2');
    expect(other).toMatchObject({ status: 404, body: { code: 'UNKNOWN_VERSION' } });
    expect(await app.api.get('/api/v1/workflows/odrer')).toMatchObject({
      status: 404,
      body: { known: ['express-order', 'order'] },
    });
  });
});
