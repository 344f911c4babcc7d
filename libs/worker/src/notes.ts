import {
  PROGRESS_LIMITS,
  storableText,
  type Command,
  type JsonObject,
  type ProgressMessage,
} from '@counterstep/protocol';
import { boundedJson } from './bounded-json.js';

type Values = Readonly<Record<string, unknown>>;

/** Bytes of the lines of one message, as JSON. */
const LOG_BYTES = 24_576;
/** Of a line beside its data: time, names and punctuation, generously. */
const LINE_BYTES = 128;

/** What one handler told since its last message: of each category the last value, and the first lines of its log. */
export class Notes {
  readonly #progress = new Map<string, { current: number; total: number }>();
  readonly #metrics = new Map<string, Values>();
  readonly #logs: { at: string; event: string; data: JsonObject; file?: string }[] = [];
  #logBytes = 0;
  /** Values and lines that were not kept. */
  dropped = 0;

  /** `command` is the newest attempt that the handler serves. */
  constructor(public command: Command) {}

  progress(current: number, total: number, category: string): void {
    const isNumber = Number.isFinite(current) && Number.isFinite(total);
    if (!isNumber || !hasRoom(this.#progress, category)) this.dropped += 1;
    else this.#progress.set(category, { current: Math.max(0, current), total: Math.max(0, total) });
  }

  /** Copied when it is sent, and not each time: a handler may call this in a tight loop. */
  metrics(values: Values, category: string): void {
    if (!hasRoom(this.#metrics, category)) this.dropped += 1;
    else this.#metrics.set(category, { ...values });
  }

  log(at: string, event: string, data: Values, file: string | undefined): void {
    if (this.#logs.length >= PROGRESS_LIMITS.logs || this.#logBytes >= LOG_BYTES) {
      this.dropped += 1;
      return;
    }
    const copy = boundedJson(data, PROGRESS_LIMITS.json - LINE_BYTES);
    const path = file === undefined ? '' : nameOf(file);
    const line = { at, event: eventOf(event), data: copy, ...(path !== '' && { file: path }) };
    this.#logs.push(line);
    this.#logBytes += Buffer.byteLength(JSON.stringify(line));
  }

  /** Leaves the lines out, and counts them. */
  withoutLogs(): this {
    this.dropped += this.#logs.splice(0).length;
    return this;
  }

  get data(): ProgressMessage['data'] {
    const progress = [...this.#progress].map(([category, { current, total }]) => ({
      category: nameOf(category),
      current,
      total,
    }));
    const metrics = [...this.#metrics].map(([category, values]) => ({
      category: nameOf(category),
      values: boundedJson(values, PROGRESS_LIMITS.json - LINE_BYTES),
    }));
    return {
      ...(progress.length > 0 && { progress }),
      ...(metrics.length > 0 && { metrics }),
      ...(this.#logs.length > 0 && { logs: this.#logs }),
      ...(this.dropped > 0 && { dropped: this.dropped }),
    };
  }
}

function hasRoom(values: ReadonlyMap<string, unknown>, category: string): boolean {
  // A category that is no text would make the whole message unsendable.
  const isName = typeof category === 'string' && category !== '';
  return isName && (values.has(category) || values.size < PROGRESS_LIMITS.categories);
}

function nameOf(text: string): string {
  return storableText(text, PROGRESS_LIMITS.name);
}

function eventOf(text: string): string {
  return storableText(text, PROGRESS_LIMITS.event) || 'log';
}
