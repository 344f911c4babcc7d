import { afterEach, describe, expect, test } from '@jest/globals';
import type { BusLogger } from '../bus.js';
import { Backoff } from './backoff.js';
import { Supervisor, type Supervised, type SupervisorOptions } from './supervisor.js';

const none = (): void => undefined;
const quiet: BusLogger = { debug: none, info: none, warn: none, error: none };

class Patient implements Supervised {
  die: (reason: string) => void = none;
  readonly died = new Promise<string>((resolve) => (this.die = resolve));
  silenceMs = 1_000_000;
  stall: string | undefined;
  stops = 0;
  beating = true;
  #beats = 0;
  start: () => Promise<void> = () => Promise.resolve();
  ending: () => Promise<void> = () => Promise.resolve();
  get beats(): number {
    return this.beating ? ++this.#beats : this.#beats;
  }
  stop(): Promise<void> {
    this.stops++;
    return this.ending();
  }
  stalled(): Promise<string | undefined> {
    return Promise.resolve(this.stall);
  }
}

let supervisor: Supervisor<Patient> | undefined;

function supervise(
  prepare: (patient: Patient, number: number) => void = none,
  more: Partial<SupervisorOptions<Patient>> = {},
) {
  const patients: Patient[] = [];
  const reasons: unknown[] = [];
  supervisor = new Supervisor<Patient>({
    name: 'the patient',
    build: () => {
      const patient = new Patient();
      prepare(patient, patients.push(patient));
      return patient;
    },
    logger: { ...quiet, warn: (_text, facts) => reasons.push(facts?.['reason'] ?? 'abandoned') },
    backoff: new Backoff(1, 2),
    tickMs: 5,
    probeMs: 5,
    abandonMs: 20,
    ...more,
  });
  return { patients, reasons, supervisor };
}

const until = async (fact: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 4_000; !fact() && Date.now() < deadline;)
    await new Promise((resolve) => setTimeout(resolve, 1));
  if (!fact()) throw new Error(`not within 4 s: ${String(fact)}`);
};

afterEach(() => supervisor?.close());

describe('the supervisor', () => {
  test('builds another one after a crash of any kind', async () => {
    const { patients, reasons } = supervise();
    patients[0]?.die('a TypeError in kafkajs');
    await until(() => patients.length === 2);
    expect(patients[0]?.stops).toBe(1);
    expect(reasons).toEqual(['a TypeError in kafkajs']);
  });

  test('tries again when it cannot start', async () => {
    const { patients } = supervise((patient, number) => {
      if (number < 4) patient.start = () => Promise.reject(new Error('no broker'));
    });
    await until(() => patients.length === 4);
  });

  test('rebuilds what gives no sign of life', async () => {
    const { patients, reasons } = supervise((patient, number) => {
      patient.beating = number > 1;
      patient.silenceMs = 20;
    });
    await until(() => patients.length === 2);
    expect(reasons).toEqual(['no sign of life for 20 ms']);
  });

  test('rebuilds what is alive but makes no progress', async () => {
    const { patients, reasons } = supervise((patient, number) => {
      if (number === 1) patient.stall = 't/0 stands still';
    });
    await until(() => patients.length === 2);
    expect(reasons).toEqual(['t/0 stands still']);
  });

  test('leaves a dead one that hangs in its disconnect to itself', async () => {
    const { patients, reasons } = supervise((patient, number) => {
      if (number === 1) patient.ending = () => new Promise<void>(none);
    });
    patients[0]?.die('crash');
    await until(() => patients.length === 2);
    expect(reasons).toEqual(['crash', 'abandoned']);
  });

  test('tells why there is none, waits longer from time to time, and can be woken', async () => {
    const { patients, supervisor: of } = supervise(
      (patient, number) => {
        if (number === 1) patient.start = () => Promise.reject(new Error('no broker'));
      },
      { backoff: new Backoff(1_000_000, 1_000_000) },
    );
    await until(() => of.problem === 'no broker' && patients[0]?.stops === 1);
    expect(of.current).toBeUndefined();
    // The pause begins in the turn after the stop.
    await new Promise((resolve) => setTimeout(resolve, 5));
    of.wake();
    await until(() => patients.length === 2);
    await until(() => of.problem === undefined);
  });

  test('stops the one that lives when it is closed, and builds no other', async () => {
    const { patients, supervisor: of } = supervise();
    await of.close();
    expect(patients.map(({ stops }) => stops)).toEqual([1]);
  });

  test('grows its waits within their bounds', () => {
    const low = new Backoff(500, 30_000, () => 0);
    const high = new Backoff(500, 30_000, () => 1);
    expect(Array.from({ length: 8 }, () => low.next())).toEqual([
      250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
    ]);
    expect(Array.from({ length: 8 }, () => high.next()).at(-1)).toBe(30_000);
    high.reset();
    expect(high.next()).toBe(500);
  });
});
