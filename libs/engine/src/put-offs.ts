import type { Logger } from './logger.js';
import type { PutOff, Store } from './store.js';

/** The due times that signs of life have raised, and that the store does not know yet; the last of each saga. */
export class PutOffs {
  private waiting = new Map<string, PutOff>();
  private isWriting = false;

  constructor(
    private readonly store: Pick<Store, 'putOff'>,
    private readonly logger: Logger,
  ) {}

  add(putOff: PutOff): void {
    this.waiting.set(putOff.sagaId, putOff);
  }

  /** In one statement. What cannot be written is forgotten: it is only told, and the next sign of life tells it again. */
  async write(): Promise<void> {
    if (this.isWriting || this.waiting.size === 0) return;
    const all = [...this.waiting.values()];
    this.waiting = new Map();
    this.isWriting = true;
    try {
      await this.store.putOff(all);
    } catch (error) {
      this.logger.warn('signs of life could not be written down', {
        sagas: all.length,
        error: error instanceof Error ? error.message : String(error),
      });
    } finally {
      this.isWriting = false;
    }
  }
}
