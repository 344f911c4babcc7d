import type { DemoOrder } from './demo-orders.js';

export interface Welcome {
  readonly url: string;
  /** The sample workers that run here; the other queues of the workflows wait for workers of the user's. */
  readonly workers: readonly string[];
  /** What runs beside orchestrator and workers: the database and the bus, in words. */
  readonly database: string;
  readonly bus: string;
  readonly orders: readonly DemoOrder[];
}

/** What is told once everything runs. Each command works as it stands. */
export function welcome({ url, workers, database, bus, orders }: Welcome): string {
  const [one] = [...orders].sort((a, b) => undoneIn(b).length - undoneIn(a).length);
  const body =
    '{"workflow":"order","input":{"orderId":"mine-1","items":[{"sku":"book","quantity":1,"price":9}]}}';
  return [
    '',
    `Counterstep runs: ${['orchestrator', ...workers].join(', ')} in this process, ${database}, ${bus}.`,
    'For trying out, not for production.',
    '',
    ...(orders.length > 0 ? ['Demo orders', ...orders.map(line), ''] : []),
    `API           ${url}/api/v1/sagas`,
    `API to try    ${url}/api/docs`,
    `Health        ${url}/health/ready`,
    '',
    'Commands to try',
    ...(one
      ? [`  curl -s -X POST ${url}/api/v1/sagas -H 'content-type: application/json' -d '${body}'`]
      : []),
    !one ? `  curl -s ${url}/api/v1/workflows` : `  curl -s ${url}/api/v1/sagas/${one.saga.sagaId}`,
    `  curl -s '${url}/api/v1/sagas?state=compensated'`,
    '',
    'Ctrl-C stops everything. What runs now goes on at the next start.',
    '',
  ].join('\n');
}

function line(order: DemoOrder): string {
  const { what, saga } = order;
  const { cause, state } = saga;
  const undone = undoneIn(order);
  const then = undone.length > 0 ? `; undone: ${undone.join(', ')}` : '';
  const why = cause ? ` (${cause.code} at ${cause.step ?? 'the start'}${then})` : '';
  return `  ${state.padEnd(12)} ${what}${why}`;
}

/** The steps that were undone, in the order in which that happened. */
function undoneIn({ saga }: DemoOrder): string[] {
  return saga.steps
    .filter(({ undo }) => undo?.outcome === 'succeeded')
    .sort((a, b) => ((a.undo?.startedAt ?? '') < (b.undo?.startedAt ?? '') ? -1 : 1))
    .map(({ name }) => name);
}
