import { expect, test } from '@jest/globals';
import { loadConfig, loadServerConfig } from './config.js';

const SERVERS = { DATABASE_URL: 'postgres://a:b@db:5432/c', KAFKA_BROKERS: 'one:9092, two:9092' };

test('an empty environment gives the defaults', () => {
  expect(loadConfig({ PORT: '' })).toEqual({
    PORT: 3000,
    HOST: '127.0.0.1',
    TOPIC_PREFIX: 'counterstep',
    LOG_LEVEL: 'info',
    LANES: 1,
    MAX_BACKLOG: 20_000,
    PARTITIONS: 4,
    DATA_DIR: '.counterstep',
    BODY_LIMIT_BYTES: 262_144,
  });
});

test('lists and numbers are read from text', () => {
  expect(loadServerConfig({ ...SERVERS, PORT: '8080', WORKFLOWS: 'flows, more/order.js' })).toMatchObject({
    KAFKA_BROKERS: ['one:9092', 'two:9092'],
    PORT: 8080,
    WORKFLOWS: ['flows', 'more/order.js'],
  });
});

test('every problem is told at once, by the name of its variable', () => {
  const bad = {
    DATABASE_URL: 'mysql://x',
    KAFKA_BROKERS: 'nowhere',
    PORT: '70000',
    LANES: 'two',
    LOG_LEVEL: 'loud',
  };
  expect(() => loadConfig(bad)).toThrow(
    /DATABASE_URL: a URL such as.*KAFKA_BROKERS: host:port.*PORT: .*LOG_LEVEL: .*LANES: /s,
  );
});

test('a process of its own needs to know its servers', () => {
  expect(() => loadServerConfig({})).toThrow(/DATABASE_URL: is not set\n {2}KAFKA_BROKERS: is not set$/);
});
