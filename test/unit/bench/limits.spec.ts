import { describe, expect, it } from '@jest/globals';
import { readFsync } from '../../../bench/limits/fsync.js';
import { readTps } from '../../../bench/limits/t1.js';

describe('limits read what programs print', () => {
  it('pg_test_fsync: of one write by fdatasync', () => {
    const output = [
      'Compare file sync methods using one 8kB write:',
      '        open_datasync                       700.100 ops/sec    1428 usecs/op',
      '        fdatasync                           679.281 ops/sec    1472 usecs/op',
      'Compare file sync methods using two 8kB writes:',
      '        fdatasync                           650.000 ops/sec    1538 usecs/op',
    ].join('\n');
    expect(readFsync(output)).toEqual({
      'fdatasync per second': 679.281,
      'microseconds per fdatasync': 1_472,
    });
  });

  it('pgbench: commits per second', () => {
    const output =
      'latency average = 4.401 ms\ninitial connection time = 53.1 ms\ntps = 3635.715 (without initial connection time)\n';
    expect(readTps(output)).toBe(3_636);
  });
});
