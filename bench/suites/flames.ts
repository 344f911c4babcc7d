import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../fleet.js';
import { flameOf } from '../flame.js';
import type { CpuProfile, Flame } from '../flame.js';
import type { Suite } from './suite.js';

const IN_FLIGHT = 4_000;
const SAGAS = 30_000;

/** Where the CPU of W1 goes, in the orchestrator and in the worker. Measured apart, as a profiler slows both down. */
export const flames: Suite = async (run, servers) => {
  const profiles = await mkdtemp(join(tmpdir(), 'counterstep-profiles-'));
  try {
    await run.fact('flames', async () => {
      const pids = await Fleet.with(servers, { workload: 'W1', profiles }, async (fleet) => {
        await fleet.load({ inFlight: IN_FLIGHT, sagas: run.scaled(SAGAS, IN_FLIGHT) });
        return { orchestrator: fleet.orchestrator.pid, worker: fleet.worker.pid };
      });
      const { orchestrator, worker } = pids;
      return {
        orchestrator: await flameOfProcess(profiles, orchestrator),
        worker: await flameOfProcess(profiles, worker),
      };
    });
  } finally {
    await rm(profiles, { recursive: true, force: true });
  }
};

async function flameOfProcess(folder: string, pid: number): Promise<Flame> {
  const file = (await readdir(folder)).find((name) => name.includes(`.${pid}.`));
  if (file === undefined) throw new Error(`process ${pid} left no profile`);
  return flameOf(JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile);
}
