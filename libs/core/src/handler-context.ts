import type { Command, Direction, ErrorFacts, Outcome } from '@counterstep/protocol';

/** What every handler is told about the command that it serves, and what it can tell back, whatever runs it. */
export interface HandlerContext {
  readonly sagaId: string;
  /** The step's path in the saga. */
  readonly step: string;
  readonly run: number;
  /** The n-th sending of this command, from 1. */
  readonly attempt: number;
  readonly direction: Direction;
  /** Stable over all attempts of a run: the idempotency key for every service that the handler calls. */
  readonly effectKey: string;
  /** The W3C trace of the saga, when it is traced: pass it on to what the handler calls. */
  readonly traceparent: string | undefined;
  /**
   * How far it is: `current` of `total`, in any unit; the category (default: the step) tells several apart. This and the two
   * below are for people to see. They never throw and wait for nobody; much of it at once is put together, and too much is
   * dropped: see docs/guides/workers.md.
   */
  setProgress(current: number, total: number, category?: string): void;
  log(event: string, data?: Readonly<Record<string, unknown>>, file?: string): void;
  /** The last figures of a category (default: the step): what is JSON, instead of what was told before. */
  setMetrics(values: Readonly<Record<string, unknown>>, category?: string): void;
}

/** Where what handlers tell while they run goes, apart from heartbeats. What it throws is logged, and fails nothing. */
export interface ProgressSink {
  progress(command: Command, current: number, total: number, category: string): void;
  log(
    command: Command,
    event: string,
    data: Readonly<Record<string, unknown>>,
    file: string | undefined,
  ): void;
  metrics(command: Command, values: Readonly<Record<string, unknown>>, category: string): void;
}

/** What is to be undone, as it was when the action ran, whatever changed since. */
export interface Undo<Input = unknown, Output = unknown, Data = unknown> {
  readonly input: Input;
  /** Absent when no reply of the action was seen. */
  readonly output?: Output | undefined;
  readonly undoData?: Data | undefined;
  /** `failed` and `unknown`: the effect may not be there. */
  readonly outcome: Outcome;
  /** Why the saga is being undone. */
  readonly cause?: ErrorFacts | undefined;
}

/** An output together with what only the undo needs to know. Made by `withUndoData`. */
export class WithUndoData<Output> {
  constructor(
    readonly output: Output,
    readonly undoData: unknown,
  ) {}
}

/** Returns `output` as the step's result, and keeps `undoData` (JSON) for the compensation. */
export function withUndoData<Output>(output: Output, undoData: unknown): WithUndoData<Output> {
  return new WithUndoData(output, undoData);
}
