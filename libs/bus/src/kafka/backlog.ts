import { readCommitted, readEnds, type Cluster, type LogEnds } from './cluster.js';

/** What the broker is asked, each over all partitions of a topic. */
export interface BacklogReads {
  readonly committed: (group: string, topic: string) => Promise<ReadonlyMap<number, number>>;
  readonly ends: (topic: string) => Promise<ReadonlyMap<number, LogEnds>>;
  /** The first offset whose message was published at `at` or later; the end of the log when there is none. */
  readonly firstsSince: (topic: string, at: number) => Promise<ReadonlyMap<number, number>>;
}

const FRESH_MS = 1_000;

/** Tells whether groups stand below what was published since some time, for many questions with few reads. */
export class Backlogs {
  readonly #reads: BacklogReads;
  readonly #now: () => number;
  readonly #views = new Map<string, View>();

  constructor(reads: BacklogReads, now: () => number = Date.now) {
    this.#reads = reads;
    this.#now = now;
  }

  /** Rejects when the broker does not answer. */
  isWaiting(group: string, topic: string, partition: number, at: number): Promise<boolean> {
    const name = `${group}\n${topic}`;
    let view = this.#views.get(name);
    if (view === undefined || view.isStale(this.#now())) {
      view = new View(this.#reads, group, topic, this.#now);
      this.#views.set(name, view);
    }
    // Whole seconds, so that questions about nearly the same time share one read.
    return view.isBelow(partition, Math.floor(at / 1_000) * 1_000);
  }
}

export function kafkaReads(cluster: Cluster): BacklogReads {
  return {
    committed: (group, topic) => cluster.ask((admin) => readCommitted(admin, group, topic)),
    ends: (topic) => cluster.ask((admin) => readEnds(admin, topic)),
    firstsSince: async (topic, at) => {
      const found = await cluster.ask((admin) => admin.fetchTopicOffsetsByTimestamp(topic, at));
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    },
  };
}

/**
 * One group in one topic as of one moment. Later messages stand at higher offsets, so an answer about one time often
 * answers for all later or all earlier ones.
 */
class View {
  readonly #reads: BacklogReads;
  readonly #topic: string;
  readonly #positions: Promise<readonly [ReadonlyMap<number, number>, ReadonlyMap<number, LogEnds>]>;
  readonly #samples: { at: number; firsts: ReadonlyMap<number, number> }[] = [];
  #lastQuestion: Promise<unknown>;
  #readAt: number | undefined;
  #broken = false;

  constructor(reads: BacklogReads, group: string, topic: string, now: () => number) {
    this.#reads = reads;
    this.#topic = topic;
    this.#positions = Promise.all([reads.committed(group, topic), reads.ends(topic)]);
    const noted = (): void => void (this.#readAt = now());
    this.#lastQuestion = this.#positions.then(noted, noted);
  }

  isStale(now: number): boolean {
    return this.#readAt !== undefined && now - this.#readAt >= FRESH_MS;
  }

  /** One after the other, so that each finds the samples of those before it. */
  isBelow(partition: number, at: number): Promise<boolean> {
    const answer = this.#lastQuestion.then(() => !this.#broken && this.#isBelow(partition, at));
    this.#lastQuestion = answer.catch(() => (this.#broken = true));
    return answer;
  }

  async #isBelow(partition: number, at: number): Promise<boolean> {
    const [committed, ends] = await this.#positions;
    const log = ends.get(partition);
    const position = committed.get(partition) ?? log?.low;
    if (log === undefined || position === undefined || position >= log.end) return false;
    for (const sample of this.#samples) {
      const first = sample.firsts.get(partition) ?? log.end;
      if (sample.at <= at && first >= position) return first < log.end;
      if (sample.at >= at && first < position) return false;
    }
    const firsts = await this.#reads.firstsSince(this.#topic, at);
    this.#samples.push({ at, firsts });
    const first = firsts.get(partition) ?? log.end;
    return first >= position && first < log.end;
  }
}
