import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SYSTEM } from '../measure.js';
import { folderOf, hasRow, newRunId, writeFact, writeRow } from '../row.js';
import type { Row } from '../row.js';
import { machineWith } from '../version.js';
import { peers as counterstep } from './counterstep/peer.js';
import { peers as dbos } from './dbos/peer.js';
import { peers as dtm } from './dtm/peer.js';
import type { Peer } from './peer.js';
import { isNamed, turns } from './plan.js';
import { peers as restate } from './restate/peer.js';
import { toRow } from './result.js';
import { spike } from './spike.js';
import { Stack } from './stack.js';
import { peers as temporal } from './temporal/peer.js';

/** `npm run bench:peers`: W1 of ours and of every peer, one system up at a time, over and over. See README.md. */
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    run: { type: 'string', default: newRunId() },
    minutes: { type: 'string', default: '90' },
    scale: { type: 'string', default: '1' },
    'set-up': { type: 'boolean', default: false },
  },
});
const deadline = performance.now() + Number(options.minutes) * 60_000;
const scale = Number(options.scale);

let up: Stack | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    console.error(`${signal}: stopping what runs`);
    void (up?.stop() ?? Promise.resolve()).finally(() => process.exit(130));
  });

const systems = await present(
  [...counterstep, ...spike(), ...temporal, ...dbos, ...restate, ...dtm].filter(({ name }) =>
    isNamed(name, options.only),
  ),
);
if (!options['set-up']) await measure();

async function measure(): Promise<void> {
  console.log(
    `rows are written to bench/results/${options.run}; --run ${options.run} goes on where this one ends`,
  );
  const plan = turns(systems, Number(options.repeats), (key) => hasRow(options.run, key));
  for (const { repeat, system, loads } of plan) {
    if (performance.now() > deadline) {
      console.log(`${options.minutes} minutes are over: --run ${options.run} measures the rest`);
      process.exitCode = 1;
      return;
    }
    const stack = (up = new Stack(`${folderOf(options.run)}/logs/${system.name.toLowerCase()}`));
    try {
      const measured = await system.start(stack);
      if (system.name === SYSTEM && stack.database)
        writeFact(options.run, 'machine.json', machineWith(stack.database));
      for (const load of loads) {
        const scaled = { ...load, sagas: Math.max(load.inFlight, Math.round(load.sagas * scale)) };
        const row = toRow(system, scaled, repeat, await measured(scaled, repeat), stack.database?.durability);
        writeRow(options.run, row);
        print(row);
      }
    } catch (error) {
      console.error(`${system.name}, repeat ${repeat}:`, error);
      process.exitCode = 1;
    } finally {
      await stack.stop();
    }
  }
}

async function present(candidates: readonly Peer[]): Promise<Peer[]> {
  const found: Peer[] = [];
  for (const peer of candidates) {
    const { name: system, version } = peer;
    const file = `absent-${system.toLowerCase()}.json`;
    const absent = await peer.setUp().catch((error: unknown) => ({ absent: String(error) }));
    if (absent) {
      console.log(`${system} is absent: ${absent.absent}`);
      writeFact(options.run, file, { system, version, ...absent });
    } else {
      // It may have been absent when the run began.
      rmSync(join(folderOf(options.run), file), { force: true });
      found.push(peer);
    }
  }
  return found;
}

function print({ system, repeat, inFlight, sagasPerSecond, sagaMs, completed, cpuSeconds }: Row): void {
  const cpu = Object.values(cpuSeconds).reduce((sum, each) => sum + each, 0);
  console.log(
    [
      `${system} #${repeat}`.padEnd(18),
      `${inFlight} in flight`.padStart(15),
      `${sagasPerSecond.toFixed(0)}/s`.padStart(8),
      `p50 ${sagaMs.p50.toFixed(1)} ms`.padStart(15),
      `p99 ${sagaMs.p99.toFixed(1)} ms`.padStart(15),
      `${((cpu / completed) * 1_000).toFixed(2)} CPU s per 1,000`.padStart(24),
    ].join(' '),
  );
}
