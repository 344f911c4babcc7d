import type { Bus, Subscription } from '@counterstep/bus';
import {
  COMMAND_TYPE,
  HEARTBEAT_TYPE,
  NOTICE_TYPE,
  deadLetterSchema,
  decodeMessage,
  effectKeyOf,
  encodeMessage,
  queueOf,
  topicsOf,
  workerMessageSchema,
  type Command,
  type DeadLetter,
  type Heartbeat,
  type Notice,
  type NoticeReason,
  type Reply,
  type WorkerMessage,
} from '@counterstep/protocol';

/** Plays the orchestrator towards a worker: sends commands and notices over the bus, collects what comes back. */
export class CommandClient {
  readonly replies: Reply[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly #bus: Bus;
  readonly #prefix: string;
  readonly #subscription: Subscription;
  #watchers: (() => void)[] = [];

  private constructor(bus: Bus, prefix: string) {
    this.#bus = bus;
    this.#prefix = prefix;
    const topics = topicsOf(prefix);
    this.#subscription = bus.subscribe({
      group: `${prefix}.command-client`,
      topics: [topics.replies, topics.deadLetters],
      onDeliveries: (deliveries) => {
        for (const delivery of deliveries) {
          if (delivery.topic === topics.replies) {
            const decoded = decodeMessage(workerMessageSchema, delivery.value);
            if (decoded.ok) this.#collect(decoded.message);
          } else {
            const decoded = decodeMessage(deadLetterSchema, delivery.value);
            if (decoded.ok) this.deadLetters.push(decoded.message);
          }
          delivery.ack();
        }
        for (const look of this.#watchers) look();
      },
    });
  }

  /** Creates the topics of `queues` and their notices, of replies and dead letters, one partition each, and listens. */
  static async open(bus: Bus, queues: readonly string[], prefix = 'counterstep'): Promise<CommandClient> {
    const topics = topicsOf(prefix);
    const ofQueues = queues.flatMap((queue) => [topics.commands(queue), topics.notices(queue)]);
    const names = [...ofQueues, topics.replies, topics.deadLetters];
    await bus.ensureTopics(names.map((topic) => ({ topic, partitions: 1 })));
    const client = new CommandClient(bus, prefix);
    await client.#subscription.ready();
    return client;
  }

  /** A valid command; `over` replaces fields, and the keys follow from what it says. */
  command(worker: string, data: unknown, over: Partial<Command> = {}): Command {
    const sagaid = over.sagaid ?? '01890000-0000-7000-8000-000000000001';
    const { step = worker.replace(/^.*\./, ''), direction = 'forward', run = 1, attempt = 1 } = over;
    const effectkey = over.effectkey ?? effectKeyOf(sagaid, step, run, direction);
    return {
      specversion: '1.0',
      id: `${effectkey}#${attempt}`,
      source: 'command-client',
      type: COMMAND_TYPE,
      sagaid,
      workflow: 'test',
      step,
      direction,
      run,
      attempt,
      effectkey,
      worker,
      timeout: 30_000,
      replytoken: `token of ${effectkey}`,
      data,
      ...over,
    };
  }

  /** The command that undoes `forward`, whose outcome the orchestrator saw as `outcome`. */
  undoOf(
    forward: Command,
    worker: string,
    outcome: NonNullable<Command['forwardoutcome']>,
    over: Partial<Command> & { output?: unknown; undoData?: unknown } = {},
  ): Command {
    const { output, undoData, ...rest } = over;
    const data = { input: forward.data, outcome, output, undoData };
    return this.command(worker, data, {
      sagaid: forward.sagaid,
      step: forward.step,
      direction: 'undo',
      forwardkey: forward.effectkey,
      forwardoutcome: outcome,
      ...rest,
    });
  }

  /** Publishes a command, or raw bytes, to a queue (default: the one of the command's worker). */
  async send(message: Command | Uint8Array, queue?: string): Promise<void> {
    const raw = message instanceof Uint8Array;
    const to = queue ?? (raw ? undefined : queueOf(message.worker));
    if (to === undefined) throw new TypeError('raw bytes need a queue');
    const value = raw ? message : encodeMessage(message);
    const key = raw ? 'raw' : message.sagaid;
    await this.#bus.publish([{ topic: topicsOf(this.#prefix).commands(to), key, value }]);
  }

  /** Tells every worker of the command's queue that nobody waits for its effect any more. */
  async notify(command: Command, reason: NoticeReason, queue = queueOf(command.worker)): Promise<void> {
    const { sagaid, step, direction, run, effectkey } = command;
    const value = encodeMessage({
      specversion: '1.0',
      id: `${effectkey}/${reason}`,
      source: 'command-client',
      type: NOTICE_TYPE,
      sagaid,
      step,
      direction,
      run,
      effectkey,
      reason,
    } satisfies Notice);
    await this.#bus.publish([{ topic: topicsOf(this.#prefix).notices(queue), key: sagaid, value }]);
  }

  /** Sends a command and resolves to the next reply to that attempt of its effect. */
  async ask(command: Command, queue?: string): Promise<Reply> {
    const before = this.replies.length;
    await this.send(command, queue);
    return this.reply(
      (reply) =>
        reply.effectkey === command.effectkey &&
        reply.attempt === command.attempt &&
        this.replies.indexOf(reply) >= before,
    );
  }

  /** Resolves to the first reply, come or coming, that `which` accepts. */
  reply(which: (reply: Reply) => boolean): Promise<Reply> {
    return this.#until(() => this.replies.find(which));
  }

  heartbeat(which: (heartbeat: Heartbeat) => boolean): Promise<Heartbeat> {
    return this.#until(() => this.heartbeats.find(which));
  }

  deadLetter(which: (letter: DeadLetter) => boolean): Promise<DeadLetter> {
    return this.#until(() => this.deadLetters.find(which));
  }

  close(): Promise<void> {
    return this.#subscription.close();
  }

  #collect(message: WorkerMessage): void {
    if (message.type === HEARTBEAT_TYPE) this.heartbeats.push(message);
    else this.replies.push(message);
  }

  #until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#watchers = this.#watchers.filter((watcher) => watcher !== look);
        resolve(found);
      };
      this.#watchers.push(look);
      look();
    });
  }
}
