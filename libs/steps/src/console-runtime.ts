import type { FileClient, RuntimeContext } from './context.js';
import { jsonLine } from './json-line.js';

/** Where the lines go: `process.stdout` is one. */
export interface ConsoleOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal; 0, as terminals without a size say, and undefined count as 80. */
  readonly columns?: number;
}

export interface ConsoleRuntimeOptions {
  /** Default `{}`: pass `process.env` if your steps read it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: one that rejects every call. */
  readonly client?: FileClient;
  /** Default `process.stdout`; when nobody reads it any more, the run goes on without. */
  readonly output?: ConsoleOutput;
}

let isUnread = false;
/** Without the listener, `| head` would end the process in the midst of a run, and nothing would be rolled back. */
const STANDARD_OUTPUT: ConsoleOutput = {
  write: (text) =>
    process.stdout.write(text, (error) => {
      if (error && !isUnread) process.stdout.on('error', () => undefined);
      isUnread ||= Boolean(error);
    }),
  get isTTY() {
    return process.stdout.isTTY;
  },
  get columns() {
    return process.stdout.columns;
  },
};

const BAR_WIDTH = 30;
const ERASE_LINE = '\r\u001b[K';

/**
 * A runtime for scripts. On a terminal it draws a progress bar, with what is logged above it. Elsewhere it prints one JSON
 * object per line: `{ time, type, … }` of type `log` (`event, data, file`), `progress` (`category, percent, current, total`;
 * a line only when the whole percent of the category changes) or `metrics` (`category, values`).
 */
export class ConsoleRuntimeContext implements RuntimeContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly client: FileClient;
  readonly #output: ConsoleOutput;
  /** The last percent of each category. */
  readonly #percents = new Map<string, number>();
  /** What stands in the terminal's last line, and belongs to the category. */
  #bar: { readonly category: string; readonly text: string } | undefined;

  constructor({ env = {}, client = NO_CLIENT, output = STANDARD_OUTPUT }: ConsoleRuntimeOptions = {}) {
    this.env = env;
    this.client = client;
    this.#output = output;
  }

  log(event: string, data: Readonly<Record<string, unknown>>, file?: string): void {
    if (this.#output.isTTY) this.#above(`${event} ${jsonLine(data)}${file === undefined ? '' : ` ${file}`}`);
    else this.#line('log', { event, data, file });
  }

  setMetrics(values: Readonly<Record<string, unknown>>, category?: string): void {
    if (this.#output.isTTY) this.#above(`${category ?? 'metrics'} ${jsonLine(values)}`);
    else this.#line('metrics', { category, values });
  }

  setProgress(current: number, total: number, category = 'progress'): void {
    const percent = percentOf(current, total);
    if (this.#output.isTTY) {
      this.#draw(category, percent, `${current}/${total}`);
    } else if (this.#percents.get(category) !== percent) {
      this.#percents.set(category, percent);
      this.#line('progress', { category, percent, current, total });
    }
  }

  /** Leaves the bar as it is and begins a new line, so that other output does not stand beside it. */
  end(): void {
    if (this.#bar) this.#output.write('\n');
    this.#bar = undefined;
  }

  #line(type: string, facts: Readonly<Record<string, unknown>>): void {
    const head = { time: new Date().toISOString(), type };
    this.#output.write(`${jsonLine({ ...head, ...facts })}\n`);
  }

  #draw(category: string, percent: number, count: string): void {
    if (this.#bar && this.#bar.category !== category) this.end();
    const full = Math.round((percent / 100) * BAR_WIDTH);
    const bar = `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
    // A line that wraps could not be erased.
    const { columns = 0 } = this.#output;
    const width = (columns === 0 ? 80 : columns) - 1;
    const text = printable(`${bar} ${String(percent).padStart(3)}% ${category} ${count}`).slice(
      0,
      Math.max(width, 0),
    );
    this.#output.write(ERASE_LINE + text);
    this.#bar = { category, text };
    if (percent === 100) this.end();
  }

  /** Writes a line in the bar's place, and the bar again below it. */
  #above(line: string): void {
    const erase = this.#bar ? ERASE_LINE : '';
    this.#output.write(`${erase}${printable(line)}\n${this.#bar?.text ?? ''}`);
  }
}

/** 0 to 100, rounded down; 0 for what is no share of anything. */
function percentOf(current: number, total: number): number {
  const share = total > 0 ? current / total : 0;
  return Number.isNaN(share) ? 0 : Math.floor(Math.min(Math.max(share, 0), 1) * 100);
}

/** Control characters would let a file's name move the cursor. */
const printable = (text: string) => text.replaceAll(/\p{Cc}/gu, '?');

const refuse = async (): Promise<never> => {
  throw new Error('This run has no file client: pass `client` to ConsoleRuntimeContext.');
};
const NO_CLIENT: FileClient = { uploadFile: refuse, deleteFile: refuse };
