import { expect, test } from '@jest/globals';
import { MemoryBroker } from '@counterstep/bus';
import { ValidationError } from '@counterstep/core';
import { MemoryStore, silentLogger } from '@counterstep/engine';
import { demoWorkflows, startApp } from '@counterstep/orchestrator';
import { ApiClient } from '../support/api-client.js';
import { ORDER, memoryApp } from '../support/app-in-process.js';
import { waitFor } from '../support/wait-for.js';

const options = () => ({
  workflows: demoWorkflows,
  bus: new MemoryBroker().connect(),
  store: new MemoryStore(),
  logger: silentLogger,
  port: 0,
  host: '127.0.0.1',
});

test('while the database is away at the start: lives, is not ready, answers 503; then works by itself', async () => {
  let isUp = false;
  const warnings: unknown[] = [];
  const app = await startApp({
    ...options(),
    migrate: () => (isUp ? Promise.resolve() : Promise.reject(new Error('connect ECONNREFUSED'))),
    logger: { ...silentLogger, warn: (message) => warnings.push(message) },
  });
  const api = new ApiClient(app.url);
  await waitFor(() => warnings.includes('waiting for the database'), { what: 'it has tried' });
  expect((await api.get('/health/live')).status).toBe(200);
  expect(await api.get('/health/ready')).toMatchObject({
    status: 503,
    body: { reasons: ['the database cannot be reached or migrated'] },
  });
  const refusal = await api.post('/api/v1/sagas', { workflow: 'order', input: ORDER });
  expect(refusal).toMatchObject({ status: 503, body: { code: 'NOT_STARTED' } });
  expect(refusal.headers.get('retry-after')).toBe('1');
  isUp = true;
  await app.opened;
  await waitFor(async () => (await api.get('/health/ready')).status === 200, { what: 'it is ready' });
  expect((await api.post('/api/v1/sagas', { workflow: 'order', input: ORDER })).status).toBe(201);
  await app.stop();
});

test('a database that waiting does not mend is told to whoever started the app', async () => {
  const unsafe = new ValidationError('SYNCHRONOUS_COMMIT_OFF', 'synchronous_commit is off');
  const app = await startApp({ ...options(), migrate: () => Promise.reject(unsafe) });
  await expect(app.opened).rejects.toBe(unsafe);
  await app.stop();
});

test('stopping while it waits for the database ends at once', async () => {
  const app = await startApp({ ...options(), migrate: () => Promise.reject(new Error('away')) });
  await app.stop();
  await expect(app.opened).rejects.toThrow();
  await expect(fetch(app.url)).rejects.toThrow();
});

test('a database that goes away later answers 503 with Retry-After, and tells nothing of its inside', async () => {
  const app = await memoryApp().start();
  const sagaId = await app.orderId();
  await app.ended(sagaId, 'completed');
  app.store.crash();
  for (const answer of [app.order(), app.api.get(`/api/v1/sagas/${sagaId}`), app.api.get('/api/v1/sagas')]) {
    const { status, headers, body } = await answer;
    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
    expect(headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(body)).not.toContain('connection');
  }
  expect((await app.api.get('/health/ready')).body['reasons']).toContain('the database does not answer');
  expect((await app.api.get('/health/live')).status).toBe(200);
  await app.stop();
});
