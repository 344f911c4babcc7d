/** An `AbortController` that is made only when somebody asks for its signal: most handlers never do, and it is dear. */
export class LazyAbort {
  readonly #listeners = new Set<(reason: unknown) => void>();
  #controller: AbortController | undefined;
  #reason: unknown;

  /** Undefined when it was not aborted. */
  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }

  /** Calls at once when it was aborted already. What it returns makes that the listener is not called any more. */
  onAbort(listener: (reason: unknown) => void): () => void {
    if (this.#reason !== undefined) listener(this.#reason);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
