import { MemoryBroker } from '@counterstep/bus';
import { MemoryStore, silentLogger, type Schedule, type Store } from '@counterstep/engine';
import { demoWorkflows, startApp, type AppOptions, type StartedApp } from '@counterstep/orchestrator';
import { sagaSchema, type Command, type SagaBody } from '@counterstep/protocol';
import { ApiClient, type HttpAnswer } from './api-client.js';
import { refuseHanging } from './liveness.js';
import { Responder, type Answer } from './responder.js';
import { waitFor } from './wait-for.js';

export const ORDER = { orderId: 'o-1', items: [{ sku: 'book', quantity: 1 }] };

const OUTPUTS: Record<string, unknown> = {
  'inventory.reserve': { reservationId: 'r-1' },
  'payments.charge': { paymentId: 'p-1', amount: 5 },
  'shipping.ship': { shipmentId: 's-1' },
};

/** The orchestrator app with its HTTP server, on a bus in memory whose workers answer as a test tells them. */
export class AppInProcess<Kept extends Store = MemoryStore> {
  readonly broker = new MemoryBroker();
  /** Workers that give no answer. */
  readonly silent = new Set<string>();
  /** Workers that reject. */
  readonly rejecting = new Set<string>();
  private app: StartedApp | undefined;
  private responder: Responder | undefined;

  constructor(readonly store: Kept) {}

  /** Resolves when it is ready. */
  async start(schedules: readonly Schedule[] = [], more: Partial<AppOptions> = {}): Promise<this> {
    const { broker, store } = this;
    const app = await startApp({
      workflows: demoWorkflows,
      schedules,
      bus: broker.connect(),
      store,
      logger: silentLogger,
      port: 0,
      host: '127.0.0.1',
      ...more,
    });
    this.app = app;
    await app.opened;
    await waitFor(async () => (await app.reasonsNotReady()).length === 0, { what: 'the app is ready' });
    this.responder = new Responder(broker.connect(), ({ worker }) => this.answerOf(worker)).listen(
      'inventory',
      'payments',
      'shipping',
    );
    return this;
  }

  /** The last command that this worker has got for a saga. */
  command(sagaId: string, worker: string): Promise<Command> {
    return waitFor(
      () => this.responder?.received.findLast((each) => each.sagaid === sagaId && each.worker === worker),
      { what: `${worker} is asked` },
    );
  }

  /** Answers as that worker would have. */
  async succeed(command: Command): Promise<void> {
    await this.responder?.reply(command, { outcome: 'succeeded', data: { output: OUTPUTS[command.worker] } });
  }

  get api(): ApiClient {
    if (!this.app) throw new Error('the app is not started');
    return new ApiClient(this.app.url);
  }

  /** Rejects when a saga hangs. */
  async stop(): Promise<void> {
    const hanging = this.app && (await this.store.hangingSagas(10).catch(() => []));
    await this.app?.stop();
    refuseHanging(hanging ?? []);
  }

  order(input: unknown = ORDER, headers = {}): Promise<HttpAnswer> {
    return this.api.post('/api/v1/sagas', { workflow: 'order', input }, headers);
  }

  /** The id of a new order's saga. */
  async orderId(): Promise<string> {
    return String((await this.order()).body['sagaId']);
  }

  async ended(sagaId: string, state: SagaBody['state']): Promise<SagaBody> {
    return waitFor(
      async () => {
        const { body } = await this.api.get(`/api/v1/sagas/${sagaId}`);
        return body['state'] === state && sagaSchema.parse(body);
      },
      { what: `saga ${sagaId} is ${state}` },
    );
  }

  private answerOf(worker: string): Answer | undefined {
    if (this.silent.has(worker)) return undefined;
    if (this.rejecting.has(worker))
      return { outcome: 'rejected', data: { error: { code: 'CARD_DECLINED', message: 'declined' } } };
    return { outcome: 'succeeded', data: { output: OUTPUTS[worker] } };
  }
}

export function memoryApp(): AppInProcess {
  return new AppInProcess(new MemoryStore());
}
