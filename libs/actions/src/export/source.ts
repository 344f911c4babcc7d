/** A list that is fetched as it is read. Each reading begins anew. */
export class Source<T> implements AsyncIterable<T> {
  constructor(private readonly open: (signal?: AbortSignal) => AsyncIterable<T>) {}

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.open()[Symbol.asyncIterator]();
  }

  /** The same list; fetching ends when the signal is aborted. */
  until(signal: AbortSignal): AsyncIterable<T> {
    return this.open(signal);
  }
}
