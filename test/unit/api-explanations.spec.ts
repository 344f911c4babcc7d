import { explanationSchema, problemSchema, undoPreviewSchema } from '@counterstep/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { drawn } from '../../libs/core/test-support/mermaid.js';
import { memoryApp, type AppInProcess } from '../support/app-in-process.js';
import { waitFor } from '../support/wait-for.js';

let app: AppInProcess;

beforeEach(async () => {
  app = await memoryApp().start();
});

afterEach(async () => {
  await app.stop();
});

const UNKNOWN = '01900000-0000-7000-8000-000000000000';

/** An order whose charge gives no answer. */
async function chargingOrder(): Promise<string> {
  app.silent.add('payments.charge');
  const sagaId = await app.orderId();
  await waitFor(async () => (await app.api.get(`/api/v1/sagas/${sagaId}`)).body['currentStep'] === 'charge', {
    what: 'the charge is out',
  });
  return sagaId;
}

describe('what people ask about a saga', () => {
  test('why it waits', async () => {
    const sagaId = await chargingOrder();
    const { status, body } = await app.api.get(`/api/v1/sagas/${sagaId}/explanation`);
    expect(status).toBe(200);
    expect(explanationSchema.parse(body)).toMatchObject({
      sagaId,
      phase: 'forward',
      text: expect.stringMatching(/^attempt 1 of 6 of charge was sent .* ago: payments\.charge has .* left$/),
      reasons: [{ kind: 'command', step: 'charge', worker: 'payments.charge', attempt: 1, of: 6 }],
    });
  });

  test('how it ended', async () => {
    app.rejecting.add('payments.charge');
    const sagaId = await app.orderId();
    const ended = await waitFor(
      async () => {
        const { body } = await app.api.get(`/api/v1/sagas/${sagaId}/explanation`);
        return body['state'] === 'compensated' && explanationSchema.parse(body);
      },
      { what: 'the order is undone' },
    );
    expect(ended.text).toBe('it ended compensated because charge ended with CARD_DECLINED: declined');
  });

  test('what would be undone', async () => {
    const sagaId = await chargingOrder();
    const { status, body } = await app.api.get(`/api/v1/sagas/${sagaId}/undo-preview`);
    expect(status).toBe(200);
    expect(undoPreviewSchema.parse(body)).toMatchObject({
      verdict: 'wouldUndo',
      stages: [[{ step: 'charge', outcome: null }], [{ step: 'reserve', outcome: 'succeeded' }]],
      awaited: [{ step: 'charge', worker: 'payments.charge' }],
    });
  });

  test('how it looks', async () => {
    const sagaId = await chargingOrder();
    const { status, headers, body } = await app.api.get(`/api/v1/sagas/${sagaId}/diagram`);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    const { nodes, classes } = await drawn(String(body['text']));
    const charge = [...nodes].find(([, text]) => text.startsWith('charge'))?.[0] ?? '';
    expect(nodes.get(charge)).toBe('charge<br/>payments.charge<br/>attempt 1');
    expect(classes.get(charge)).toEqual(['running']);
  });

  test.each(['explanation', 'undo-preview', 'diagram'])('the %s of no saga is 404', async (what) => {
    const { body } = await app.api.get(`/api/v1/sagas/${UNKNOWN}/${what}`);
    expect(problemSchema.parse(body)).toMatchObject({ status: 404, code: 'SAGA_NOT_FOUND' });
  });
});

describe('the picture of a definition', () => {
  test('is text that Mermaid reads', async () => {
    const { status, headers, body } = await app.api.get('/api/v1/workflows/order/diagram');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
    expect((await drawn(String(body['text']))).nodes.size).toBeGreaterThan(5);
  });

  test('of an unknown workflow or version is 404', async () => {
    for (const path of ['nothing/diagram', 'order/diagram?version=99']) {
      const { body } = await app.api.get(`/api/v1/workflows/${path}`);
      expect(problemSchema.parse(body)).toMatchObject({ status: 404 });
    }
  });
});

describe('metrics', () => {
  const valueOf = (text: string, name: string): string | undefined =>
    new RegExp(`^counterstep_${name.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1];

  test('tell that no saga hangs, and what waits for a person', async () => {
    await waitFor(
      async () => valueOf(String((await app.api.get('/metrics')).body['text']), 'sagas_hanging') === '0',
      { what: 'the first look at the sagas' },
    );
    const { status, headers, body } = await app.api.get('/metrics');
    const text = String(body['text']);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const names = ['sagas_overdue', 'sagas_oldest_overdue_seconds', 'sagas_attention', 'backlog'];
    expect(names.map((name) => valueOf(text, name))).toEqual(['0', '0', '0', '0']);
    expect(Number(valueOf(text, 'liveness_checked_timestamp_seconds'))).toBeGreaterThan(1_700_000_000);
    expect(text).toContain('# TYPE counterstep_dead_letters_total counter');
  });
});
