import { describe, expect, it } from '@jest/globals';
import type { Load, Peer } from '../../bench/peers/peer.js';
import { isNamed, keyOf, turns } from '../../bench/peers/plan.js';
import { toRow } from '../../bench/peers/result.js';
import { partOf } from '../../bench/warm-up.js';

const load = (inFlight: number): Load => ({ inFlight, sagas: 10 * inFlight });
const system = (name: string) => ({ name, loads: [load(1), load(64)] });
const systems = ['a', 'b', 'c'].map(system);
const none = (): boolean => false;

describe('the order of a benchmark of several systems', () => {
  it('runs every system once in each repeat, and begins each repeat with another', () => {
    const order = turns(systems, 4, none).map(({ repeat, system: { name } }) => `${repeat}${name}`);
    expect(order.join(' ')).toBe('1a 1b 1c 2b 2c 2a 3c 3a 3b 4a 4b 4c');
  });

  it('runs all loads of a system while it is up', () => {
    expect(turns(systems, 1, none)[0]?.loads.map(({ inFlight }) => inFlight)).toEqual([1, 64]);
  });

  it('leaves out the rows that an earlier call of the run has measured, whatever the others are', () => {
    const measured = [keyOf('a', load(1), 1), keyOf('b', load(1), 2)].map((key) => JSON.stringify(key));
    const plan = turns(systems, 2, (key) => measured.includes(JSON.stringify(key)));
    const left = plan.map(
      (turn) => `${turn.repeat}${turn.system.name} ${turn.loads.map((each) => each.inFlight).join()}`,
    );
    expect(left).toEqual(['1a 64', '1b 1,64', '1c 1,64', '2b 64', '2c 1,64', '2a 1,64']);
  });

  it('does not start a system of which nothing is left to measure', () => {
    const plan = turns(systems, 1, ({ system: name }) => name === 'b');
    expect(plan.map((turn) => turn.system.name)).toEqual(['a', 'c']);
  });
});

describe('the systems that --only names', () => {
  it('are all without it', () => {
    expect(isNamed('Temporal', undefined)).toBe(true);
  });

  it('are those whose names begin like one of the list', () => {
    expect(
      ['Temporal', 'dtm durable', 'dtm default', 'DBOS'].filter((name) => isNamed(name, 'dtm,DBOS')),
    ).toEqual(['dtm durable', 'dtm default', 'DBOS']);
    expect(isNamed('dtm default', 'dtm-durable')).toBe(false);
  });
});

describe('the parts of a warm-up', () => {
  it('are as many in flight as the load, and a tenth as long', () => {
    expect(partOf({ inFlight: 64, sagas: 10_000 })).toEqual({ inFlight: 64, sagas: 1_000 });
  });

  it('are never shorter than what is in flight', () => {
    expect(partOf({ inFlight: 4_000, sagas: 30_000 })).toEqual({ inFlight: 4_000, sagas: 4_000 });
  });
});

describe('the row of a system', () => {
  const peer: Peer = {
    ...system('Peer'),
    version: '1.0',
    class: 'remote steps',
    durability: 'a commit for each step',
    settings: { pool: 20 },
    notes: ['one partition'],
    setUp: async () => undefined,
    start: async () => Promise.reject(new Error('not here')),
  };
  const figures = {
    completed: 600,
    seconds: 4,
    sagaMs: { p50: 1, p99: 2, p999: 3, max: 4 },
    cpuSeconds: { server: 2 },
    rssMb: { server: 100 },
  };

  it('counts what completed, not what was started', () => {
    const row = toRow(peer, load(64), 3, figures, undefined);
    expect(row).toMatchObject({ system: 'Peer', inFlight: 64, repeat: 3, sagas: 640, completed: 600 });
    expect(row.sagasPerSecond).toBe(150);
  });

  it('says what is known of the system and what happened in the run', () => {
    const { durability, settings, notes } = toRow(
      peer,
      load(64),
      1,
      { ...figures, notes: ['40 failed'] },
      'Postgres: fsync on',
    );
    expect({ durability, settings, notes }).toEqual({
      durability: 'Postgres: fsync on; a commit for each step',
      settings: { pool: 20, payloadBytes: 256 },
      notes: ['one partition', '40 failed'],
    });
  });

  it('leaves it to the figures what the servers of this load promise', () => {
    const own = { ...figures, durability: 'Postgres: fsync on' };
    expect(toRow(peer, load(1), 1, own, 'Postgres: fsync on; Kafka: acks all').durability).toBe(
      'Postgres: fsync on; a commit for each step',
    );
  });
});
