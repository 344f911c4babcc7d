import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { problemSchema } from '@counterstep/protocol';
import type { HttpAnswer } from '../support/api-client.js';
import { ORDER, memoryApp, type AppInProcess } from '../support/app-in-process.js';

let app: AppInProcess;

beforeEach(async () => {
  app = await memoryApp().start();
});

afterEach(async () => {
  await app.stop();
});

describe('bad input', () => {
  afterEach(async () => {
    expect(await app.store.list({ limit: 10 })).toEqual([]);
  });

  const refused = async (answer: Promise<HttpAnswer>) => {
    const { status, headers, body } = await answer;
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.stringify(body)).not.toMatch(/\.[jt]s:\d|node_modules| at /);
    expect(problemSchema.parse(body).status).toBe(status);
    return { status, ...body };
  };
  const raw = (text: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
    refused(app.api.send('POST', '/api/v1/sagas', text, { 'content-type': type }));
  const body = (input: string) => `{"workflow":"order","input":${input}}`;

  test('an unknown workflow is 404 and lists the known ones', async () => {
    expect(await refused(app.api.post('/api/v1/sagas', { workflow: 'odrer', input: {} }))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_WORKFLOW',
      known: ['express-order', 'order'],
    });
  });

  test('a state that there is none of is 400 and lists those that there are', async () => {
    expect(await refused(app.api.get('/api/v1/sagas?state=done'))).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: expect.stringMatching(/^state: .*pending, running, .*compensated/),
    });
  });

  test('an input that fails its schema is 400 with the path of each problem', async () => {
    const input = { orderId: '', items: [{ sku: 'book', quantity: 0 }] };
    expect(await refused(app.order(input))).toMatchObject({
      status: 400,
      code: 'INPUT_INVALID',
      problems: [
        { path: 'input.orderId', code: 'INPUT_INVALID', message: expect.any(String) },
        { path: 'input.items.0.quantity' },
      ],
    });
  });

  test.each<[string, unknown, string]>([
    ['no workflow', { input: {} }, 'workflow'],
    ['an input that is a list', { workflow: 'order', input: [] }, 'input'],
    ['a date that is none', { workflow: 'order', input: ORDER, startAt: 'soon' }, 'startAt'],
    [
      'a business key without a policy',
      { workflow: 'order', input: ORDER, businessKey: { key: 'k' } },
      'businessKey.policy',
    ],
    [
      'a business key that is empty',
      { workflow: 'order', input: ORDER, businessKey: { key: '', policy: 'reject' } },
      'businessKey.key',
    ],
    ['a field that nobody knows', { workflow: 'order', input: ORDER, idempotencyKey: 'k' }, 'idempotencyKey'],
    ['a body that is no object', [1], ''],
  ])('%s is 400 and named', async (_, given, path) => {
    expect(await refused(app.api.post('/api/v1/sagas', given))).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
      problems: [{ path }],
    });
  });

  test('no body is 400', async () => {
    expect(await refused(app.api.post('/api/v1/sagas'))).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
    });
  });

  test('a body over the limit is 413', async () => {
    const text = body(JSON.stringify({ ...ORDER, orderId: 'x'.repeat(262_144) }));
    expect(await raw(text)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
  });

  test.each([
    ['text that is not JSON', '{"workflow":', 'NOT_JSON'],
    ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'NOT_JSON'],
    ['a __proto__ key', body('{"__proto__":{"isAdmin":true}}'), 'FORBIDDEN_KEY'],
    ['a hidden __proto__ key', body('{"a":[{"\\u005f_proto__":1}]}'), 'FORBIDDEN_KEY'],
    ['U+0000', body('{"orderId":"a\\u0000b"}'), 'UNSTORABLE_TEXT'],
    ['a lone surrogate', body('{"orderId":"\\ud800"}'), 'UNSTORABLE_TEXT'],
    ['a number beyond a double', body('{"amount":1e999}'), 'UNSTORABLE_NUMBER'],
  ])('%s is 400', async (_, text, code) => {
    expect(await raw(text)).toMatchObject({ status: 400, code, problems: [{ code }] });
  });

  test('a body nested a hundred thousand deep is 400', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(await raw(body(`{"orderId":${deep}}`))).toMatchObject({ status: 400 });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16'])(
    'a body of type %s is 415',
    async (type) => {
      expect(await raw(body(JSON.stringify(ORDER)), type)).toMatchObject({
        status: 415,
        code: 'UNSUPPORTED_MEDIA_TYPE',
      });
    },
  );

  test.each(['/', '/api', '/api/v1/transactions', '/api/v1/sagas/a/b'])('%s is 404', async (path) => {
    expect(await refused(app.api.get(path))).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' });
  });

  test('a path that cannot be decoded is 400', async () => {
    expect(await refused(app.api.get('/api/v1/sagas/%ff'))).toMatchObject({ status: 400 });
  });
});

test('browsers are told not to guess, frame or keep', async () => {
  const { headers } = await app.api.get('/api/v1/workflows');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('x-powered-by')).toBeNull();
});
