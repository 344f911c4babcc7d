import { NOTHING_TOLD, partOf } from '@counterstep/core';
import type { CategoryMetrics, CategoryProgress, LogLine, Told, ToldStep } from '@counterstep/core';
import type { ProgressMessage } from '@counterstep/protocol';

/** How much is kept, in memory; what is over gives way to what is newer. */
export interface ViewLimits {
  readonly sagas: number;
  /** About so many, of all sagas. */
  readonly bytes: number;
  /** About so many, of one saga beside its lines. */
  readonly sagaBytes: number;
  /** Steps of one saga, each in one direction, of which the words are kept. */
  readonly steps: number;
  /** Steps of one saga of which the part that is done is kept. */
  readonly parts: number;
  /** Categories of progress, and of metrics, of one step. */
  readonly categories: number;
  /** Lines of one saga. */
  readonly logs: number;
  /** About so many, of the lines of one saga. */
  readonly logBytes: number;
}

export const VIEW_LIMITS: ViewLimits = {
  sagas: 10_000,
  bytes: 64 * 1024 * 1024,
  sagaBytes: 262_144,
  steps: 100,
  parts: 1_000,
  categories: 16,
  logs: 100,
  logBytes: 65_536,
};

/** Bytes that an entry costs beside its texts, generously. */
const OVERHEAD = 200;
/** Processes that told of one attempt, of which messages that come late are known as such. */
const ORIGINS = 4;

interface Kept<Value> {
  readonly value: Value;
  readonly revision: number;
  readonly bytes: number;
}

interface StepEntry {
  readonly step: string;
  readonly direction: ToldStep['direction'];
  run: number;
  attempt: number;
  /** In the order in which they were first heard: the last is the one that counts. */
  origins: string[];
  /** Of the last origin, the number of its last message. */
  number: number;
  progress: Map<string, Kept<CategoryProgress>>;
  metrics: Map<string, Kept<CategoryMetrics>>;
}

interface SagaEntry {
  /** The least recently heard of first. */
  readonly steps: Map<string, StepEntry>;
  readonly parts: Map<string, number>;
  logs: Kept<LogLine>[];
  logBytes: number;
  dropped: number;
  bytes: number;
}

/**
 * What handlers told of sagas, as this process has heard it: the last values of the newest attempt of each step. Bounded, and
 * never stored. Messages may come late, twice and out of order. A revision grows with each message that says something new.
 */
export class ProgressView {
  /** The least recently heard of first. */
  private readonly sagas = new Map<string, SagaEntry>();
  private bytes = 0;
  private revision = 0;

  constructor(private readonly limits: ViewLimits = VIEW_LIMITS) {}

  get sagaIds(): string[] {
    return [...this.sagas.keys()];
  }

  /** About so many bytes are kept. */
  get size(): number {
    return this.bytes;
  }

  /** False when the message is late, or a copy. */
  apply(message: ProgressMessage): boolean {
    const { sagaid } = message;
    const former = this.sagas.get(sagaid);
    const saga = former ?? newSaga();
    const before = former?.bytes ?? 0;
    const step = this.stepOf(saga, message);
    if (!step) return false;
    this.revision += 1;
    this.keep(saga, step, message);
    this.sagas.delete(sagaid);
    this.sagas.set(sagaid, saga);
    this.bytes += saga.bytes - before;
    while (this.sagas.size > this.limits.sagas || (this.bytes > this.limits.bytes && this.sagas.size > 1))
      this.forget(this.sagas.keys().next().value ?? '');
    return true;
  }

  forget(sagaId: string): void {
    this.bytes -= this.sagas.get(sagaId)?.bytes ?? 0;
    this.sagas.delete(sagaId);
  }

  /** What was told after `revision`; everything without one. The parts are those of now. */
  told(sagaId: string, revision = 0): Told & { readonly revision: number } {
    const saga = this.sagas.get(sagaId);
    if (!saga) return { ...NOTHING_TOLD, revision: this.revision };
    const news = <Value>(kept: Iterable<Kept<Value>>): Value[] =>
      [...kept].filter((each) => each.revision > revision).map(({ value }) => value);
    const steps = [...saga.steps.values()].map(({ step, direction, run, attempt, progress, metrics }) => ({
      step,
      direction,
      run,
      attempt,
      progress: news(progress.values()),
      metrics: news(metrics.values()),
    }));
    return {
      parts: saga.parts,
      steps: steps.filter(({ progress, metrics }) => progress.length + metrics.length > 0),
      logs: news(saga.logs),
      dropped: saga.dropped,
      revision: this.revision,
    };
  }

  /** The entry that the message belongs to; undefined when it is no news. */
  private stepOf(saga: SagaEntry, message: ProgressMessage): StepEntry | undefined {
    const { step, direction, run, attempt, origin, number } = message;
    const key = `${direction} ${step}`;
    let entry = saga.steps.get(key);
    if (!entry || run > entry.run || (run === entry.run && attempt > entry.attempt)) {
      if (entry) saga.bytes -= bytesOf(entry);
      entry = newStep(message);
      saga.bytes += bytesOf(entry);
    } else if (run < entry.run || attempt < entry.attempt) return undefined;
    if (origin === entry.origins.at(-1)) {
      if (number <= entry.number) return undefined;
    } else {
      // The command was delivered to another process meanwhile: what the former one still says is late.
      if (entry.origins.includes(origin)) return undefined;
      entry.origins = [...entry.origins, origin].slice(-ORIGINS);
    }
    entry.number = number;
    saga.steps.delete(key);
    saga.steps.set(key, entry);
    return entry;
  }

  private keep(saga: SagaEntry, entry: StepEntry, { time: at, data }: ProgressMessage): void {
    const { step, direction, attempt } = entry;
    for (const { category, current, total } of data.progress ?? [])
      this.put(saga, entry.progress, { category, current, total, at });
    for (const { category, values } of data.metrics ?? [])
      this.put(saga, entry.metrics, { category, values, at });
    for (const { at: time, event, data: facts, file = null } of data.logs ?? []) {
      const line = { at: time, step, direction, attempt, event, data: facts, file };
      const bytes = sizeOf(line);
      saga.logs.push({ value: line, revision: this.revision, bytes });
      saga.logBytes += bytes;
      saga.bytes += bytes;
    }
    saga.dropped += data.dropped ?? 0;
    if (direction === 'forward' && data.progress) this.raisePart(saga, entry);
    this.dropOldLines(saga);
    this.dropOldSteps(saga);
  }

  private put<Value extends { readonly category: string }>(
    saga: SagaEntry,
    kept: Map<string, Kept<Value>>,
    value: Value,
  ): void {
    const former = kept.get(value.category);
    if (!former && kept.size >= this.limits.categories) {
      saga.dropped += 1;
      return;
    }
    const bytes = sizeOf(value);
    saga.bytes += bytes - (former?.bytes ?? 0);
    kept.set(value.category, { value, revision: this.revision, bytes });
  }

  private dropOldLines(saga: SagaEntry): void {
    const { logs, logBytes } = this.limits;
    let first = 0;
    while (saga.logs.length - first > logs || (saga.logBytes > logBytes && saga.logs.length - first > 1)) {
      const { bytes = 0 } = saga.logs[first] ?? {};
      saga.logBytes -= bytes;
      saga.bytes -= bytes;
      first += 1;
    }
    saga.logs = saga.logs.slice(first);
  }

  private dropOldSteps(saga: SagaEntry): void {
    const { steps, sagaBytes } = this.limits;
    for (const [key, entry] of saga.steps) {
      const isTooMuch = saga.steps.size > steps || saga.bytes - saga.logBytes > sagaBytes;
      if (!isTooMuch || saga.steps.size === 1) return;
      saga.bytes -= bytesOf(entry);
      saga.steps.delete(key);
    }
  }

  /** Another attempt begins anew, but what was shown of the whole must not go back. */
  private raisePart(saga: SagaEntry, { step, progress }: StepEntry): void {
    const former = saga.parts.get(step);
    if (former === undefined) {
      if (saga.parts.size >= this.limits.parts) return;
      saga.bytes += OVERHEAD + step.length;
    }
    const part = partOf(
      step,
      [...progress.values()].map(({ value }) => value),
    );
    saga.parts.set(step, Math.max(former ?? 0, part));
  }
}

function newSaga(): SagaEntry {
  return { steps: new Map(), parts: new Map(), logs: [], logBytes: 0, dropped: 0, bytes: OVERHEAD };
}

function newStep({ step, direction, run, attempt }: ProgressMessage): StepEntry {
  const progress = new Map<string, Kept<CategoryProgress>>();
  const metrics = new Map<string, Kept<CategoryMetrics>>();
  return { step, direction, run, attempt, origins: [], number: 0, progress, metrics };
}

function bytesOf({ step, progress, metrics }: StepEntry): number {
  const kept = [...progress.values(), ...metrics.values()];
  return kept.reduce((sum, { bytes }) => sum + bytes, OVERHEAD + step.length);
}

function sizeOf(value: object): number {
  return OVERHEAD + JSON.stringify(value).length;
}
