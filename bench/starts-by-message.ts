import { setTimeout as delay } from 'node:timers/promises';
import { KafkaBus } from '@counterstep/bus';
import { PAYLOAD } from './workloads/workload.js';
import type { Bus } from '@counterstep/bus';
import { START_TYPE, encodeMessage, headersOf, topicsOf } from '@counterstep/protocol';
import type { SagaEvent, StartMessage } from '@counterstep/protocol';

const SOURCE = 'bench';

/** A service that starts sagas by message and hears how they end, whatever becomes of the orchestrator meanwhile. */
export class StartsByMessage {
  /** When each end was heard, by its saga and in order: milliseconds since the epoch. */
  private readonly heard = new Map<string, number>();
  /** When each was decided. */
  private readonly decided: number[] = [];
  /** When each start was meant to be sent, by its id. */
  private readonly intended = new Map<string, number>();

  private constructor(
    private readonly bus: Bus,
    private readonly topicPrefix: string,
    private readonly workflow: string,
  ) {}

  static async open(brokers: string, topicPrefix: string, workflow: string): Promise<StartsByMessage> {
    const logger = { debug() {}, info() {}, warn() {}, error: console.error };
    const bus = new KafkaBus({ brokers: [brokers], clientId: 'bench-starts', logger });
    const starts = new StartsByMessage(bus, topicPrefix, workflow);
    await bus
      .listen({
        topics: [topicsOf(topicPrefix).events],
        onMessages: (messages) => {
          for (const { value } of messages) starts.hear(value);
        },
      })
      .ready();
    return starts;
  }

  /** Sends `rate` starts in each second, `count` in all. Resolves with how many the broker has confirmed. */
  async send(rate: number, count: number): Promise<number> {
    const { starts: topic } = topicsOf(this.topicPrefix);
    const published: Promise<number>[] = [];
    const [from, since] = [performance.now(), Date.now()];
    for (let sent = 0; sent < count;) {
      const due = Math.min(count, Math.floor(((performance.now() - from) / 1_000) * rate) + 1);
      const messages = Array.from({ length: due - sent }, (_, index) => this.message(topic, sent + index));
      for (const { key } of messages) this.intended.set(key, since + (this.intended.size * 1_000) / rate);
      if (messages.length > 0)
        published.push(this.bus.publish(messages).then((refused) => messages.length - refused.length));
      sent = due;
      await delay(5);
    }
    return (await Promise.all(published)).reduce((sum, each) => sum + each, 0);
  }

  /** Resolves when so many have ended, or after so long without that. */
  async allEnded(count: number, patienceMs: number): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (this.heard.size < count && Date.now() < deadline) await delay(50);
  }

  /** When the first end was heard of that was decided after `moment`; NaN when there is none. */
  firstDecidedAfter(moment: number): number {
    const index = this.decided.findIndex((at) => at >= moment);
    return [...this.heard.values()][index] ?? NaN;
  }

  /** When the longest time without an end was over that began at `moment` or later. */
  endOfLongestPause(moment: number): number {
    const after = [...this.heard.values()].filter((at) => at >= moment);
    const pauses = after.map((at, index) => ({ at, ms: at - (after[index - 1] ?? moment) }));
    return pauses.reduce((longest, pause) => (pause.ms > longest.ms ? pause : longest), { at: NaN, ms: -1 })
      .at;
  }

  /** From the moment that each start was meant for until its end was heard; `sagaIds` by the ids of the starts. */
  sagaTimes(sagaIds: ReadonlyMap<string, string>): number[] {
    return [...this.intended].flatMap(([id, intended]) => {
      const heard = this.heard.get(sagaIds.get(id) ?? '');
      return heard === undefined ? [] : [heard - intended];
    });
  }

  close(): Promise<void> {
    return this.bus.close();
  }

  private hear(value: Uint8Array | null): void {
    const { sagaid, time, data } = JSON.parse(Buffer.from(value ?? []).toString()) as SagaEvent;
    if (data.state === 'running' || this.heard.has(sagaid)) return;
    this.heard.set(sagaid, Date.now());
    this.decided.push(Date.parse(time));
  }

  private message(topic: string, index: number): Parameters<Bus['publish']>[0][number] {
    const start: StartMessage = {
      specversion: '1.0',
      id: `${this.topicPrefix}/${index}`,
      source: SOURCE,
      type: START_TYPE,
      data: { workflow: this.workflow, input: PAYLOAD },
    };
    return { topic, key: start.id, value: encodeMessage(start), headers: headersOf(start) };
  }
}
