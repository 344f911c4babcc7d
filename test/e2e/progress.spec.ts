import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { historySchema, type SagaBody } from '@counterstep/protocol';
import { EventStream } from '../support/event-stream.js';
import { waitFor } from '../support/wait-for.js';
import { Desk, sagaOf } from './support/desk.js';
import { System, type OrchestratorProcess } from './support/system.js';

let system: System;
let one: OrchestratorProcess;
let two: OrchestratorProcess;
let desk: Desk;

const WORKFLOWS = 'test/e2e/workflows/desk.mjs';
const streams: EventStream[] = [];

beforeAll(async () => {
  system = await System.create();
  desk = await Desk.open(system);
  desk.startWorker();
  [one, two] = await Promise.all([
    system.startOrchestrator({ WORKFLOWS }),
    system.startOrchestrator({ WORKFLOWS }),
  ]);
  await Promise.all([one.ready(), two.ready()]);
}, 90_000);

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await system.checkPromises();
});

afterAll(async () => {
  await system.stop();
}, 60_000);

const watch = async (
  { port }: OrchestratorProcess,
  sagaId: string,
  options: { lastEventId?: number } = {},
): Promise<EventStream> => {
  const stream = await EventStream.open(`http://127.0.0.1:${port}/api/v1/sagas/${sagaId}/events`, options);
  streams.push(stream);
  return stream;
};
const seqsOf = async (orchestrator: OrchestratorProcess, sagaId: string): Promise<number[]> => {
  const { body } = await orchestrator.request('GET', `/api/v1/sagas/${sagaId}/history`);
  return historySchema.parse(body).items.map(({ seq }) => seq);
};
const shows = (
  orchestrator: OrchestratorProcess,
  sagaId: string,
  fact: (saga: SagaBody) => boolean,
): Promise<SagaBody> =>
  waitFor(
    async () => {
      const saga = await sagaOf(orchestrator, sagaId);
      return fact(saga) && saga;
    },
    { what: `it shows what was told of ${sagaId}`, timeoutMs: 30_000 },
  );
interface Seen {
  readonly sagaid: string;
  readonly bytes: number;
  readonly data: { readonly logs?: unknown[]; readonly dropped?: number };
}
const told = (orchestrator: OrchestratorProcess, sagaId: string): Promise<SagaBody> =>
  shows(orchestrator, sagaId, ({ logs }) => logs.length > 0);

describe('what a worker tells while a step runs', () => {
  it('shows at every orchestrator, in the status and among the events', async () => {
    const sagaId = await desk.start(one, 'three', { charge: ['tell', 'hold'] });
    const both = await Promise.all([watch(one, sagaId), watch(two, sagaId)]);
    for (const orchestrator of [one, two]) {
      const saga = await told(orchestrator, sagaId);
      expect(saga).toMatchObject({
        progress: 50,
        currentStep: 'charge',
        logs: [
          { step: 'charge', attempt: 1, event: 'half of it', data: { step: 'charge' }, file: 'rows.csv' },
        ],
      });
      expect(saga.steps.find(({ name }) => name === 'charge')).toMatchObject({
        progress: [{ category: 'charge', current: 5, total: 10 }],
        metrics: [{ category: 'rows', values: { rows: 5 } }],
      });
    }
    for (const stream of both)
      await stream.until(() => stream.of('progress').some(({ logs }) => logs.length > 0), 'the line');
    await desk.openGate(sagaId, 'charge');
    for (const stream of both) {
      await stream.ended();
      expect(stream.ids).toEqual(await seqsOf(one, sagaId));
      expect(stream.of('end')).toEqual([{ type: 'end', sagaId, state: 'completed' }]);
      const percents = stream.of('progress').map(({ progress }) => progress);
      expect(percents).toEqual(percents.toSorted((a, b) => a - b));
      expect(percents).toContain(50);
      expect(percents.at(-1)).toBe(100);
    }
  }, 90_000);

  it('is sent a few times a second, however often it is told', async () => {
    const topic = system.topics.progress;
    const seen: Seen[] = [];
    const listener = system.bus.listen({
      topics: [topic],
      onMessages: (messages) => {
        for (const { value } of messages)
          seen.push({
            ...(JSON.parse(Buffer.from(value ?? []).toString()) as Omit<Seen, 'bytes'>),
            bytes: value?.byteLength ?? 0,
          });
      },
    });
    await listener.ready();
    const began = performance.now();
    const sagaId = await desk.start(one, 'three', { charge: ['flood', 'hold'] });
    const saga = await shows(two, sagaId, ({ steps }) =>
      steps.some(({ progress }) => progress.some(({ current }) => current === 10_000)),
    );
    const seconds = (performance.now() - began) / 1_000;
    expect(saga.progress).toBe(66);
    expect(saga.logsDropped).toBeGreaterThan(1_000);
    expect(saga.logs.length).toBeLessThanOrEqual(100);
    const messages = seen.filter(({ sagaid }) => sagaid === sagaId);
    expect(messages.length).toBeLessThanOrEqual(4 * seconds + 2);
    expect(Math.max(...messages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(65_536);
    const lines = messages.reduce((sum, { data }) => sum + (data.logs?.length ?? 0) + (data.dropped ?? 0), 0);
    expect(lines).toBe(10_000);
    await desk.openGate(sagaId, 'charge');
    await one.ended(sagaId);
    await listener.close();
  }, 90_000);
});

describe('an orchestrator that is killed while it serves events', () => {
  it('is followed by another one, which goes on behind the last event and knows what was told', async () => {
    const sagaId = await desk.start(one, 'three', { charge: ['tell', 'hold'] });
    const first = await watch(one, sagaId);
    await first.until(() => first.of('progress').some(({ logs }) => logs.length > 0), 'the line');
    await told(two, sagaId);
    const { progress: before } = await sagaOf(one, sagaId);
    await one.end('SIGKILL');
    await first.until(() => first.ending === 'broken', 'the connection breaks');
    const lastEventId = first.ids.at(-1) ?? 0;
    const second = await watch(two, sagaId, { lastEventId });
    await second.until(() => second.of('progress').length > 0, 'how far it is');
    expect(second.of('progress')[0]).toMatchObject({ progress: before, logs: [{ event: 'half of it' }] });
    await desk.openGate(sagaId, 'charge');
    await second.ended(60_000);
    expect([...first.ids, ...second.ids]).toEqual(await seqsOf(two, sagaId));
    expect(first.ids.length).toBeGreaterThan(1);
    expect(second.of('end')).toMatchObject([{ state: 'completed' }]);
  }, 120_000);
});

describe('a worker that is killed while its handler runs', () => {
  it('is not heard any more once another one has the command, and the percentage does not go back', async () => {
    const sagaId = await desk.start(two, 'three', { charge: ['tell', 'hold'] });
    const saga = await told(two, sagaId);
    const byWhom = ({ steps }: SagaBody): unknown =>
      steps.find(({ name }) => name === 'charge')?.metrics[0]?.values['by'];
    const former = byWhom(saga);
    const stream = await watch(two, sagaId);
    const heir = desk.startWorker();
    await system.killScript(Number(former));
    const after = await shows(two, sagaId, (now) => byWhom(now) === heir.pid);
    expect(after.progress).toBeGreaterThanOrEqual(saga.progress);
    await desk.openGate(sagaId, 'charge');
    await stream.ended(60_000);
    const percents = stream.of('progress').map(({ progress }) => progress);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  }, 120_000);
});
