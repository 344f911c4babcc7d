import { setTimeout as delay } from 'node:timers/promises';
import { Fleet } from '../fleet.js';
import { rowOf } from '../measure.js';
import { warmUp } from '../warm-up.js';
import { repeated } from './suite.js';
import type { Suite } from './suite.js';

/** One saga each second would take hours to warm anything up. */
const WARM_UP = { inFlight: 64, sagas: 10_000 };
/** What the warm-up has left behind is done with: idle connections, positions, garbage. */
const SETTLE_MS = 5_000;
const IDLE_SECONDS = 20;
const SAGAS = 30;

/** First nothing at all, for the CPU of an idle orchestrator; then one saga each second, for the floor of the latency. */
export const w13: Suite = (run, servers) =>
  repeated(run.repeats, async (repeat) => {
    const key = { workload: 'W13', repeat };
    await run.row(key, () =>
      Fleet.with(servers, { workload: 'W13' }, async (fleet) => {
        await warmUp(WARM_UP, (part) => fleet.load(part));
        await delay(SETTLE_MS);
        const before = fleet.cpu();
        await delay(IDLE_SECONDS * 1_000);
        const after = fleet.cpu();
        const percent = (name: string): number =>
          Number(((((after[name] ?? 0) - (before[name] ?? 0)) / IDLE_SECONDS) * 100).toFixed(2));
        const order = { rate: 1, sagas: run.scaled(SAGAS, 5) };
        const { result, usage } = await fleet.measure(() => fleet.load(order));
        return {
          ...rowOf(fleet, key, order, result, usage),
          figures: { idleCpuPercent: percent('orchestrator'), idleWorkerCpuPercent: percent('worker') },
        };
      }),
    );
  });
