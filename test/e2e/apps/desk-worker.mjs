// A worker that does what the input of the saga tells it. `plan` has, for a step or for `step:undo`, a list of words:
//   reject   it cannot be done, and nothing happened
//   fail     it fails, and may be tried again
//   giveUp   it fails after its effect, and trying again is no use
//   stuck    it fails until its gate is open
//   hold     it waits for its gate, whoever has lost patience
//   heed     it waits for its gate, or until nobody wants it any more
//   beat     it tells undo data, and lives on for a while longer than its attempt may take, with signs of life
//   once     it gives one sign of life
//   tell     it tells how far it is (half), a figure, and a line
//   flood    it tells how far it is ten thousand times, and as many lines
//   mute     its effect happens, and its reply never leaves the process
// Steps of `kept.do` are behind a barrier in mode `transaction`, those of `loose.do` in mode `external`.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaBus } from '@counterstep/bus';
import {
  EffectCancelled,
  NonRetryable,
  StepRejected,
  compensationHandler,
  createWorker,
  stepHandler,
} from '@counterstep/worker';
import pg from 'pg';

const { DATABASE_URL, KAFKA_BROKERS, TOPIC_PREFIX } = process.env;
const BEATING_MS = 4_000;
const logger = { debug() {}, info: console.log, warn: console.log, error: console.log };
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 12 });

const muted = new Set();
const kafka = new KafkaBus({ brokers: KAFKA_BROKERS.split(','), clientId: 'desk', logger });
const bus = new Proxy(kafka, {
  get(target, name) {
    if (name === 'publish')
      return (messages) =>
        messages.some(({ value }) => [...muted].some((key) => Buffer.from(value).includes(key)))
          ? new Promise(() => undefined)
          : target.publish(messages);
    const value = target[name];
    return typeof value === 'function' ? value.bind(target) : value;
  },
});

const act = async (plan, database, context, note) => {
  const { sagaId, step, direction, attempt, effectKey, signal } = context;
  const gate = direction === 'undo' ? `${step}:undo` : step;
  const words = plan?.[gate] ?? [];
  const isOpen = async () =>
    (await pool.query('select from gate where saga_id = $1 and name = $2', [sagaId, gate])).rowCount > 0;
  const write = (to, text) =>
    to.query(
      'insert into effect (saga_id, step, direction, effect_key, attempt, note) values ($1, $2, $3, $4, $5, $6)',
      [sagaId, step, direction, effectKey, attempt, text],
    );
  await pool.query('insert into arrival (saga_id, gate, attempt) values ($1, $2, $3)', [
    sagaId,
    gate,
    attempt,
  ]);
  for (const word of words) {
    if (word === 'reject') throw new StepRejected({ code: 'REJECTED', message: `${gate} cannot be done` });
    if (word === 'fail') throw new Error(`${gate} fails`);
    if (word === 'stuck' && !(await isOpen())) throw new Error(`${gate} is stuck`);
    if (word === 'once') await context.heartbeat({ begun: step });
    if (word === 'tell') {
      context.setProgress(5, 10);
      context.setMetrics({ rows: 5, by: process.pid }, 'rows');
      context.log('half of it', { step, attempt }, 'rows.csv');
    }
    for (let n = 1; word === 'flood' && n <= 10_000; n += 1) {
      context.setProgress(n, 10_000);
      context.log(`row ${n}`, { text: 'x'.repeat(n % 3_000) });
      if (n % 100 === 0) await delay(1);
    }
    while (word === 'hold' && !(await isOpen())) await delay(20);
    while (word === 'heed' && !(await isOpen())) {
      if (signal.reason instanceof EffectCancelled)
        await pool.query('insert into arrival (saga_id, gate, attempt) values ($1, $2, $3)', [
          sagaId,
          `${gate}:${signal.reason.code}`,
          attempt,
        ]);
      signal.throwIfAborted();
      await delay(20);
    }
    if (word === 'beat') {
      await context.heartbeat({ uploadId: `${sagaId}-upload` });
      for (const end = Date.now() + BEATING_MS; Date.now() < end; await delay(50)) void context.heartbeat();
    }
  }
  await write(database, JSON.stringify(note));
  if (words.includes('giveUp')) throw new NonRetryable({ code: 'GAVE_UP', message: `${gate} gave up` });
  if (words.includes('mute')) muted.add(effectKey);
  return { key: effectKey };
};

const handlers = (name, barrier, databaseOf) => [
  stepHandler(`${name}.do`, { barrier }, (input, context) =>
    act(input.plan, databaseOf(context), context, {}),
  ),
  compensationHandler(`${name}.undo`, { barrier }, ({ input, output, undoData, outcome, cause }, context) =>
    act(input.plan, databaseOf(context), context, { output, undoData, outcome, cause }),
  ),
];

const worker = createWorker({
  bus,
  database: pool,
  topicPrefix: TOPIC_PREFIX,
  logger,
  drainMs: 500,
  handlers: [
    ...handlers('kept', 'transaction', ({ tx }) => tx),
    ...handlers('loose', 'external', () => pool),
  ],
});
await worker.start();
process.on('SIGTERM', () => {
  void worker.stop().then(() => process.exit(0));
});
