import type { Bus, Listener, Received } from '@counterstep/bus';
import { PROGRESS_LIMITS, decodeMessage, effectKeyOf, progressMessageSchema } from '@counterstep/protocol';
import type { ProgressMessage } from '@counterstep/protocol';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { Messages } from './messages.js';
import type { ProgressView } from './progress-view.js';
import type { Store } from './store.js';

export interface ProgressFeedOptions {
  readonly bus: Pick<Bus, 'listen'>;
  readonly topic: string;
  readonly messages: Pick<Messages, 'isGenuine'>;
  readonly view: ProgressView;
  readonly store: Pick<Store, 'finishedAmong'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something new was told of that saga. */
  readonly onTold: (sagaId: string) => void;
}

/** Milliseconds between two looks which sagas have ended. */
export const SWEEP_INTERVAL = 60_000;
/** Milliseconds that the words of a saga are kept once it was seen to have ended. */
export const KEPT_AFTER_END = 300_000;
/** Ids in one question to the store. */
const CHUNK = 1_000;

/**
 * Hears everything that is told on the progress topic, as every orchestrator does, and keeps it in the view. What is not
 * genuine is ignored. Which sagas have ended the store is asked: another orchestrator may have ended them.
 */
export class ProgressFeed {
  private listener: Listener | undefined;
  private isClosed = false;
  private cancel: (() => void) | undefined;
  /** When a saga was seen to have ended, by the clock. */
  private readonly ended = new Map<string, number>();

  constructor(private readonly options: ProgressFeedOptions) {}

  /** Once the topic exists. */
  open(): void {
    if (this.isClosed) return;
    const { bus, topic } = this.options;
    this.listener = bus.listen({ topics: [topic], onMessages: this.hear });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.cancel?.();
    await this.listener?.close();
  }

  private readonly hear = (messages: readonly Received[]): void => {
    const sagas = new Set<string>();
    for (const received of messages) {
      const message = this.read(received);
      if (message && this.options.view.apply(message)) sagas.add(message.sagaid);
    }
    for (const sagaId of sagas) this.options.onTold(sagaId);
    if (sagas.size > 0) this.sweepLater();
  };

  private read({ value, partition, offset }: Received): ProgressMessage | undefined {
    const isSmall = value !== null && value.byteLength <= PROGRESS_LIMITS.message;
    const decoded = isSmall ? decodeMessage(progressMessageSchema, value) : undefined;
    if (decoded?.ok && isConsistent(decoded.message) && this.options.messages.isGenuine(decoded.message))
      return decoded.message;
    const reason = decoded
      ? decoded.ok
        ? 'it is not genuine'
        : decoded.reason
      : 'it is too large, or empty';
    this.options.logger.debug('progress ignored', { reason, partition, offset });
    return undefined;
  }

  private sweepLater(): void {
    if (this.cancel || this.isClosed) return;
    this.cancel = this.options.clock.after(SWEEP_INTERVAL, () => void this.sweep());
  }

  /** Never rejects. Without a store to ask, all is kept until the next time. */
  private async sweep(): Promise<void> {
    const { view, store, clock, logger } = this.options;
    try {
      const ids = view.sagaIds;
      for (let from = 0; from < ids.length; from += CHUNK) {
        const finished = await store.finishedAmong(ids.slice(from, from + CHUNK));
        for (const sagaId of finished) if (!this.ended.has(sagaId)) this.ended.set(sagaId, clock.now());
      }
    } catch (error) {
      logger.debug('could not ask which sagas have ended', { error: String(error) });
    }
    for (const [sagaId, at] of this.ended) {
      if (clock.now() - at < KEPT_AFTER_END) continue;
      view.forget(sagaId);
      this.ended.delete(sagaId);
    }
    this.cancel = undefined;
    if (view.sagaIds.length > 0 || this.ended.size > 0) this.sweepLater();
  }
}

/** The token is made over the effect key, so nothing else in the message may say otherwise. */
function isConsistent({ sagaid, step, run, direction, effectkey }: ProgressMessage): boolean {
  return effectkey === effectKeyOf(sagaid, step, run, direction);
}
