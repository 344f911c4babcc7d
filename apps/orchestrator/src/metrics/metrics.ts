import type { Orchestrator } from '@counterstep/engine';
import { Counter, Gauge, Registry } from 'prom-client';

/**
 * What is to be watched, read when it is asked for. Numbers about sagas come from the last look at the store, of which
 * there is one every 15 s; they are NaN before the first, and `counterstep_liveness_checked_timestamp_seconds` tells how
 * old they are.
 */
export function metricsOf(orchestrator: Pick<Orchestrator, 'health' | 'liveness'>): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: `counterstep_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const report = () => orchestrator.liveness();
  gauge('sagas_hanging', 'Sagas that nothing will move and nobody was asked about. Must be 0.', () => {
    return report()?.hanging ?? NaN;
  });
  gauge(
    'sagas_overdue',
    'Sagas whose next moment passed more than a minute ago and that did not move.',
    () => {
      return report()?.overdue ?? NaN;
    },
  );
  gauge(
    'sagas_oldest_overdue_seconds',
    'How long the oldest of these has been due; 0 when there is none.',
    () => {
      const { checkedAt = NaN, oldestDueAt = checkedAt } = report() ?? {};
      return (checkedAt - oldestDueAt) / 1_000;
    },
  );
  gauge('sagas_attention', 'Sagas that wait for a person.', () => report()?.attention ?? NaN);
  gauge(
    'liveness_checked_timestamp_seconds',
    'When sagas were last looked at, by the clock of the store.',
    () => {
      return (report()?.checkedAt ?? NaN) / 1_000;
    },
  );
  gauge('backlog', 'Inputs that wait to be decided in this process.', () => orchestrator.health().backlog);
  new Counter({
    name: 'counterstep_dead_letters_total',
    help: 'Messages that this process could not apply and sent to the dead-letter topic.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(orchestrator.health().deadLetters))
        this.inc({ code }, count);
    },
  });
  return registry;
}
