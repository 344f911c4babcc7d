import type { Bus, Subscription } from '@counterstep/bus';
import {
  REPLY_TYPE,
  commandSchema,
  decodeMessage,
  encodeMessage,
  topicsOf,
  type Command,
  type Reply,
} from '@counterstep/protocol';

export type Answer = Pick<Reply, 'outcome'> &
  Partial<Pick<Reply, 'data' | 'noop' | 'refused' | 'replytoken'>>;

/** Answers commands as a test tells it, without a barrier; silence is an answer too. */
export class Responder {
  readonly received: Command[] = [];
  private readonly subscriptions: Subscription[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly answer: (command: Command) => Answer | undefined,
    private readonly prefix = 'counterstep',
  ) {}

  listen(...queues: string[]): this {
    for (const queue of queues)
      this.subscriptions.push(
        this.bus.subscribe({
          group: `${this.prefix}.worker.${queue}`,
          topics: [topicsOf(this.prefix).commands(queue)],
          onDeliveries: (deliveries) => {
            for (const delivery of deliveries) {
              const decoded = decodeMessage(commandSchema, delivery.value);
              if (!decoded.ok) throw new Error(decoded.reason);
              this.received.push(decoded.message);
              const answer = this.answer(decoded.message);
              if (answer) void this.reply(decoded.message, answer);
              delivery.ack();
            }
          },
        }),
      );
    return this;
  }

  /** The workers' names in the order in which commands came. */
  get workers(): string[] {
    return this.received.map((command) => command.worker);
  }

  async reply(command: Command, answer: Answer): Promise<void> {
    const reply: Reply = {
      specversion: '1.0',
      id: `${command.id}/reply`,
      source: 'responder',
      type: REPLY_TYPE,
      sagaid: command.sagaid,
      step: command.step,
      direction: command.direction,
      run: command.run,
      attempt: command.attempt,
      effectkey: command.effectkey,
      worker: command.worker,
      replytoken: command.replytoken,
      data: {},
      ...answer,
    };
    await this.bus.publish([
      { topic: topicsOf(this.prefix).replies, key: command.sagaid, value: encodeMessage(reply) },
    ]);
  }

  async close(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.close()));
  }
}
