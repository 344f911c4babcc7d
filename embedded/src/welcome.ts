import type { DemoOrder } from './demo-orders.js';

export interface Welcome {
  readonly url: string;
  /** What runs beside orchestrator and workers: the database and the bus, in words. */
  readonly database: string;
  readonly bus: string;
  readonly orders: readonly DemoOrder[];
}

/** What is told once everything runs. Each command works as it stands. */
export function welcome({ url, database, bus, orders }: Welcome): string {
  const undone = orders.find(({ saga }) => saga.state === 'compensated') ?? orders[0];
  const one = undone?.saga.sagaId;
  const body =
    '{"workflow":"order","input":{"orderId":"mine-1","items":[{"sku":"book","quantity":1,"price":9}]}}';
  return [
    '',
    `Counterstep runs: orchestrator and three sample workers in this process, ${database}, ${bus}.`,
    'For trying out, not for production.',
    '',
    ...(orders.length > 0 ? ['Demo orders', ...orders.map(line), ''] : []),
    `API           ${url}/api/v1/sagas`,
    `API to try    ${url}/api/docs`,
    `Health        ${url}/health/ready`,
    '',
    'Commands to try',
    `  curl -s -X POST ${url}/api/v1/sagas -H 'content-type: application/json' -d '${body}'`,
    one === undefined ? `  curl -s ${url}/api/v1/workflows` : `  curl -s ${url}/api/v1/sagas/${one}`,
    `  curl -s '${url}/api/v1/sagas?state=compensated'`,
    '',
    'Ctrl-C stops everything. What runs now goes on at the next start.',
    '',
  ].join('\n');
}

function line({ what, saga }: DemoOrder): string {
  const undone = saga.steps.filter(({ undo }) => undo?.outcome === 'succeeded').map(({ name }) => name);
  const { cause } = saga;
  const why = cause
    ? ` (${cause.code} at ${cause.step ?? 'the start'}${undone.length > 0 ? `; undone: ${undone.reverse().join(', ')}` : ''})`
    : '';
  return `  ${saga.state.padEnd(12)} ${what}${why}`;
}
