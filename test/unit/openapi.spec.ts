import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { memoryApp, type AppInProcess } from '../support/app-in-process.js';

let app: AppInProcess;

beforeEach(async () => {
  app = await memoryApp().start();
});

afterEach(async () => {
  await app.stop();
});

describe('the OpenAPI document', () => {
  let document: {
    paths: Record<
      string,
      Record<
        string,
        { parameters?: { name: string }[]; requestBody?: unknown; responses: Record<string, unknown> }
      >
    >;
    components: { schemas: Record<string, unknown> };
  };

  beforeEach(async () => {
    document = (await app.api.get('/api/openapi.json')).body as unknown as typeof document;
  });

  test('has every route', () => {
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'GET /api/v1/sagas',
      'GET /api/v1/sagas/{sagaId}',
      'GET /api/v1/sagas/{sagaId}/diagram',
      'GET /api/v1/sagas/{sagaId}/events',
      'GET /api/v1/sagas/{sagaId}/explanation',
      'GET /api/v1/sagas/{sagaId}/history',
      'GET /api/v1/sagas/{sagaId}/undo-preview',
      'GET /api/v1/schedules',
      'GET /api/v1/workflows',
      'GET /api/v1/workflows/{name}',
      'GET /api/v1/workflows/{name}/diagram',
      'GET /health/live',
      'GET /health/ready',
      'GET /metrics',
      'POST /api/v1/sagas',
      'POST /api/v1/sagas/{sagaId}/cancel',
      'POST /api/v1/sagas/{sagaId}/interventions',
      'POST /api/v1/sagas/{sagaId}/pause',
      'POST /api/v1/sagas/{sagaId}/resume',
      'POST /api/v1/sagas/{sagaId}/signals/{name}',
      'POST /api/v1/sagas/{sagaId}/terminate',
    ]);
  });

  test('describes bodies by the schemas that check them, and errors as problem documents', () => {
    const start = document.paths['/api/v1/sagas']?.['post'];
    expect(start?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/StartRequest' } } },
    });
    expect(start?.responses['201']).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Started' } } },
    });
    expect(start?.responses['409']).toMatchObject({
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    });
    expect(document.components.schemas['StartRequest']).toMatchObject({
      required: ['workflow', 'input'],
      additionalProperties: false,
    });
  });

  test('describes the events of a saga by the data of each', () => {
    const events = document.paths['/api/v1/sagas/{sagaId}/events']?.['get'];
    expect(events?.responses['200']).toMatchObject({
      content: { 'text/event-stream': { schema: { $ref: '#/components/schemas/SagaUpdate' } } },
    });
    expect(events?.responses['404']).toMatchObject({ content: { 'application/problem+json': {} } });
    expect(events?.parameters?.map(({ name }) => name).sort()).toEqual(['Last-Event-ID', 'sagaId']);
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(['StateUpdate', 'ProgressUpdate', 'EndUpdate']),
    );
  });

  test('lists the parameters of a query one by one', () => {
    const names = document.paths['/api/v1/sagas']?.['get']?.parameters?.map(({ name }) => name);
    expect(names?.sort()).toEqual(['attention', 'cursor', 'limit', 'state', 'workflow']);
  });

  test('has every schema that it refers to', () => {
    const references = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(5);
    for (const name of references) expect(document.components.schemas).toHaveProperty([String(name)]);
  });

  test('can be tried on a page', async () => {
    const { status, body } = await app.api.get('/api/docs');
    expect({ status, body: body['text'] }).toMatchObject({
      status: 200,
      body: expect.stringContaining('swagger'),
    });
  });
});
