import type { Bus, Subscription } from '@counterstep/bus';
import {
  HEARTBEAT_TYPE,
  REPLY_TYPE,
  commandSchema,
  decodeMessage,
  encodeMessage,
  topicsOf,
  type Command,
  type Heartbeat,
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
    const id = `${command.id}/reply`;
    await this.publish({ ...this.answerTo(command), id, type: REPLY_TYPE, data: {}, ...answer });
  }

  /** A sign of life of the handler of that command, with or without undo data. */
  async beat(command: Command, undoData?: unknown): Promise<void> {
    const id = `${command.id}/heartbeat`;
    const data = undoData === undefined ? {} : { undoData };
    await this.publish({ ...this.answerTo(command), id, type: HEARTBEAT_TYPE, data });
  }

  private answerTo(command: Command) {
    const { sagaid, step, direction, run, attempt, effectkey, worker, replytoken } = command;
    const envelope = { specversion: '1.0', source: 'responder' } as const;
    return { ...envelope, sagaid, step, direction, run, attempt, effectkey, worker, replytoken };
  }

  private async publish(message: Reply | Heartbeat): Promise<void> {
    const { replies: topic } = topicsOf(this.prefix);
    await this.bus.publish([{ topic, key: message.sagaid, value: encodeMessage(message) }]);
  }

  async close(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.close()));
  }
}
