import { deadlinePassed } from '@counterstep/core';
import type { Answer } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import type { Clock } from '../clock.js';

/** One run of a handler, which may serve several attempts. */
export class LocalRun {
  readonly answer: Promise<Answer>;
  /** The undo data that its heartbeats told last, as JSON. */
  told: string | undefined;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #cancelTimer: () => void = () => undefined;
  #isOver = false;

  constructor(
    /** The newest attempt. */
    public command: Command,
    clock: Clock,
    perform: (run: LocalRun) => Promise<Answer>,
  ) {
    this.#clock = clock;
    // A turn later: whoever sends the command has its own work to end.
    this.answer = Promise.resolve().then(() => perform(this));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Its handler has ended: what that left ticking is not heard. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The attempt has its whole time from now on; without effect once its signal was aborted. */
  extend(): void {
    if (this.#isOver || this.signal.aborted) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(this.command.timeout, () => this.abort(deadlinePassed()));
  }

  abort(reason: Error): void {
    this.#cancelTimer();
    this.#controller.abort(reason);
  }

  end(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }
}
