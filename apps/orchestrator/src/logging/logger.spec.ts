import { expect, test } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { createLogger } from './logger.js';
import { NestLogger } from './nest-logger.js';

const write = (pretty: boolean, level = 'info') => {
  const destination = new PassThrough();
  const logger = createLogger({ name: 'orchestrator', level, destination, pretty });
  return {
    logger,
    lines: () =>
      String(destination.read() ?? '')
        .split('\n')
        .filter(Boolean),
  };
};

test('facts become fields of a JSON line', () => {
  const { logger, lines } = write(false);
  logger.info('reply applied', { sagaId: 's-1', step: 'charge', attempt: 2 });
  logger.debug('not asked for');
  expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      level: 30,
      name: 'orchestrator',
      msg: 'reply applied',
      sagaId: 's-1',
      step: 'charge',
      attempt: 2,
    }),
  ]);
});

test('people get one plain line', () => {
  const { logger, lines } = write(true);
  logger.warn('waiting for the database', { tries: 1, error: 'ECONNREFUSED' });
  expect(lines()).toEqual([
    expect.stringMatching(
      /^\d\d:\d\d:\d\d WARN {2}orchestrator: waiting for the database tries=1 error=ECONNREFUSED$/,
    ),
  ]);
});

test("Nest's errors arrive with their stack, its chatter only when it is asked for", () => {
  const { logger, lines } = write(false);
  const nest = new NestLogger(logger);
  nest.log('Mapped {/health, GET} route', 'RouterExplorer');
  nest.error('it broke', 'Error: it broke\n    at x', 'ExceptionsHandler');
  expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      level: 50,
      msg: 'it broke',
      context: 'ExceptionsHandler',
      error: expect.stringContaining('at x'),
    }),
  ]);
});
