import type { Suite } from '../suites/suite.js';
import { echoLimit } from './echo.js';
import { fsyncLimit } from './fsync.js';
import { fileOfLimit } from './limit.js';
import { t1Limit } from './t1.js';
import { tbLimit } from './tb.js';

/** Each limit once in a run. */
export const limits: Suite = async (run, servers) => {
  await run.fact(fileOfLimit('fsync'), () => fsyncLimit(servers));
  await run.fact(fileOfLimit('T1'), () => t1Limit(servers));
  await run.fact(fileOfLimit('Tb'), () => tbLimit(servers));
  await run.fact(fileOfLimit('echo'), () => echoLimit(servers));
};
