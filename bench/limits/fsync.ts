import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Servers } from '../servers.js';
import { absentLimit, limitOf } from './limit.js';
import type { Limit } from './limit.js';
import { findProgram, outputOf } from './programs.js';

/** pg_test_fsync, on the disk that the server writes to. */
export async function fsyncLimit({ postgres: { folder } }: Servers): Promise<Limit> {
  const program = findProgram('pg_test_fsync');
  if (program === undefined) return absentLimit('fsync', 'pg_test_fsync is not installed');
  if (folder === undefined) return absentLimit('fsync', 'the server is not on this machine');
  const file = join(folder, 'fsync');
  try {
    return limitOf('fsync', readFsync(await outputOf(program, ['-s', '1', '-f', file])));
  } finally {
    await rm(file, { force: true });
  }
}

/** Of one 8 kB write, by the method that Postgres uses on Linux. */
export function readFsync(output: string): Record<string, number> {
  const [, perSecond, micros] = /fdatasync\s+([\d.]+) ops\/sec\s+([\d.]+) usecs\/op/.exec(output) ?? [];
  return { 'fdatasync per second': Number(perSecond), 'microseconds per fdatasync': Number(micros) };
}
