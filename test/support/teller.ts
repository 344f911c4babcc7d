import type { Bus } from '@counterstep/bus';
import { encodeMessage, topicsOf, type Command, type ProgressMessage } from '@counterstep/protocol';

let origins = 0;

/** Tells on the progress topic what a handler of a command would, word by word and without a limit. */
export class Teller {
  readonly origin = `teller-${(origins += 1)}`;
  private number = 0;

  constructor(
    private readonly bus: Bus,
    private readonly prefix = 'counterstep',
  ) {}

  progress(
    command: Command,
    current: number,
    total: number,
    over: Partial<ProgressMessage> = {},
  ): Promise<void> {
    return this.tell(command, { progress: [{ category: command.step, current, total }] }, over);
  }

  log(command: Command, event: string, data: Record<string, unknown> = {}): Promise<void> {
    return this.tell(command, { logs: [{ at: new Date(0).toISOString(), event, data }] });
  }

  async tell(
    command: Command,
    data: ProgressMessage['data'],
    over: Partial<ProgressMessage> = {},
  ): Promise<void> {
    const { sagaid, step, direction, run, attempt, effectkey, worker, replytoken } = command;
    this.number += 1;
    const message: ProgressMessage = {
      specversion: '1.0',
      id: `${this.origin}/${this.number}`,
      source: 'teller',
      type: 'counterstep.progress.v1',
      time: new Date(this.number).toISOString(),
      ...{ sagaid, step, direction, run, attempt, effectkey, worker, replytoken },
      origin: this.origin,
      number: this.number,
      data,
      ...over,
    };
    const { progress: topic } = topicsOf(this.prefix);
    await this.bus.publish([{ topic, key: message.sagaid, value: encodeMessage(message) }]);
  }
}
