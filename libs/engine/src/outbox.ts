import type { Bus, OutgoingMessage, RefusedMessage } from '@counterstep/bus';

/**
 * Publishes a lane's messages after their commit, from memory, and knows the number up to which the broker has confirmed
 * all of them. There is no outbox table: what is lost with the process is sent again from history.
 */
export class Outbox {
  private readonly waiting: { upTo: number; done: boolean; confirm: () => void }[] = [];
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

  /**
   * Resolves when the broker has confirmed the messages of all records up to `upTo`, of those before these ones too:
   * a record without messages says nothing of the others of its saga. Never, when the bus closes first.
   */
  publish(upTo: number, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return this.confirming(upTo);
    const publishing = this.bus.publish(messages).then((refused) => {
      for (const each of refused) this.onRefused(each);
    });
    return this.confirming(upTo, publishing);
  }

  /** Confirms nothing before all that the other was publishing has ended. */
  follow(other: Outbox): void {
    void this.confirming(0, other.settled());
  }

  /** Resolves when the task and everything before it is done. */
  private confirming(upTo: number, task?: Promise<void>): Promise<void> {
    return new Promise((confirm) => {
      const entry = { upTo, done: task === undefined, confirm };
      this.waiting.push(entry);
      this.advance();
      if (!task) return;
      const done = (): void => {
        entry.done = true;
        this.advance();
      };
      // It rejects when the bus is closed.
      const ending: Promise<void> = task
        .then(done, () => undefined)
        .finally(() => {
          this.publishing.delete(ending);
        });
      this.publishing.add(ending);
    });
  }

  private advance(): void {
    for (let first = this.waiting[0]; first?.done; first = this.waiting[0]) {
      this.watermark = first.upTo;
      this.waiting.shift();
      first.confirm();
    }
  }
}
