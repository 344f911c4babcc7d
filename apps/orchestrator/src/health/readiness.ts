import { setTimeout as delay } from 'node:timers/promises';
import type { Orchestrator, Store } from '@counterstep/engine';

const STORE_PATIENCE_MS = 2_000;

/** Whether requests should come here, and if not, why. */
export class Readiness {
  private isStopping = false;
  /** Why the store is not open yet; undefined when it is. */
  waitingFor: string | undefined = 'the database was not reached yet';

  constructor(
    private readonly orchestrator: Orchestrator,
    private readonly store: Store,
  ) {}

  stopping(): void {
    this.isStopping = true;
  }

  /** Empty when it is ready. */
  async reasons(): Promise<string[]> {
    if (this.isStopping) return ['it is stopping'];
    if (this.waitingFor !== undefined) return [this.waitingFor];
    const reasons = [];
    if (!(await this.answers())) reasons.push('the database does not answer');
    const { ready, reason } = this.orchestrator.health();
    if (!ready) reasons.push(reason ?? 'the bus is not ready');
    return reasons;
  }

  private async answers(): Promise<boolean> {
    const stop = new AbortController();
    const tooLate = delay(STORE_PATIENCE_MS, false, { signal: stop.signal }).catch(() => false);
    const asked = this.store.now().then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([asked, tooLate]);
    } finally {
      stop.abort();
    }
  }
}
