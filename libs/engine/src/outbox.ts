import type { Bus, OutgoingMessage, RefusedMessage } from '@counterstep/bus';

/**
 * Publishes a lane's messages after their commit, from memory, and knows the number up to which the broker has confirmed
 * all of them. There is no outbox table: what is lost with the process is sent again from history.
 */
export class Outbox {
  private readonly waiting: { upTo: number; done: boolean }[] = [];
  private readonly publishing = new Set<Promise<unknown>>();
  private watermark = 0;

  constructor(
    private readonly bus: Pick<Bus, 'publish'>,
    private readonly onRefused: (refused: RefusedMessage) => void,
  ) {}

  /** Everything up to this number is confirmed. */
  get confirmed(): number {
    return this.watermark;
  }

  /** Resolves when every publish that is under way has ended, one way or the other. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.publishing);
  }

  /** Resolves true when the broker has confirmed the messages of the records up to `upTo`; false when the bus closed first. */
  async publish(upTo: number, messages: readonly OutgoingMessage[]): Promise<boolean> {
    const entry = { upTo, done: messages.length === 0 };
    this.waiting.push(entry);
    if (!entry.done) {
      const publishing = this.bus.publish(messages);
      this.publishing.add(publishing);
      try {
        const refused = await publishing;
        for (const each of refused) this.onRefused(each);
      } catch {
        return false;
      } finally {
        this.publishing.delete(publishing);
      }
      entry.done = true;
    }
    for (let first = this.waiting[0]; first?.done; first = this.waiting[0]) {
      this.watermark = first.upTo;
      this.waiting.shift();
    }
    return true;
  }
}
