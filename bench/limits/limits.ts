import type { Run } from '../run.js';
import type { Servers } from '../servers.js';
import { echoLimit } from './echo.js';
import { fsyncLimit } from './fsync.js';
import { fileOfLimit } from './limit.js';
import { t1Limit } from './t1.js';
import { tbLimit } from './tb.js';

/** Each limit once, on these servers. */
export async function limits(run: Run, servers: Servers, repeat: number): Promise<void> {
  await run.fact(fileOfLimit('fsync', repeat), () => fsyncLimit(servers));
  await run.fact(fileOfLimit('T1', repeat), () => t1Limit(servers));
  await run.fact(fileOfLimit('Tb', repeat), () => tbLimit(servers));
  await run.fact(fileOfLimit('echo', repeat), () => echoLimit(servers));
}
