type Listener = (reason: unknown) => void;

/** An `AbortController` that is made only when somebody asks for its signal: most handlers never do, and it is dear. */
export class LazyAbort {
  /** One is the rule; a set would cost more than all the rest. */
  #listener: Listener | undefined;
  #others: Set<Listener> | undefined;
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
    const others = this.#others ?? [];
    this.#listener?.(reason);
    for (const listener of others) listener(reason);
    this.#listener = undefined;
    this.#others = undefined;
  }

  /** Calls at once when it was aborted already. What it returns makes that the listener is not called any more. */
  onAbort(listener: Listener): () => void {
    if (this.#reason !== undefined) listener(this.#reason);
    else if (this.#listener === undefined) this.#listener = listener;
    else (this.#others ??= new Set()).add(listener);
    return () => {
      if (this.#listener === listener) this.#listener = undefined;
      else this.#others?.delete(listener);
    };
  }
}
