// A worker that keeps a ledger, and that dies once, exactly where DIE says: before the COMMIT of its handler's
// transaction, or after it and before the reply is published.
import { existsSync, writeFileSync } from 'node:fs';
import { KafkaBus } from '@counterstep/bus';
import { compensationHandler, createWorker, stepHandler } from '@counterstep/worker';
import pg from 'pg';

const { DATABASE_URL, KAFKA_BROKERS, TOPIC_PREFIX, DIE, MARK } = process.env;
const logger = { debug() {}, info: console.log, warn: console.log, error: console.log };
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 4 });
await pool.query(
  'create table if not exists ledger (id bigint generated always as identity, effect_key text not null, text text)',
);

function dieOnce() {
  if (existsSync(MARK)) return;
  writeFileSync(MARK, String(process.pid));
  process.kill(process.pid, 'SIGKILL');
}

const kafka = new KafkaBus({ brokers: KAFKA_BROKERS.split(','), clientId: 'ledger', logger });
const bus = new Proxy(kafka, {
  get(target, name) {
    if (name === 'publish' && DIE === 'after-commit') {
      return (messages) => {
        dieOnce();
        return target.publish(messages);
      };
    }
    const value = target[name];
    return typeof value === 'function' ? value.bind(target) : value;
  },
});

const worker = createWorker({
  bus,
  database: pool,
  topicPrefix: TOPIC_PREFIX,
  logger,
  handlers: [
    stepHandler('ledger.post', { barrier: 'transaction' }, async (_input, { tx, effectKey }) => {
      await tx.query('insert into ledger (effect_key, text) values ($1, $2)', [effectKey, 'posted']);
      if (DIE === 'before-commit') dieOnce();
      return { posted: true };
    }),
    compensationHandler('ledger.unpost', { barrier: 'transaction' }, () => undefined),
  ],
});
await worker.start();
process.on('SIGTERM', () => {
  void worker.stop().then(() => process.exit(0));
});
