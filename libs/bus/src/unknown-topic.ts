/** Asked for the partition of a key in a topic that the broker does not have. */
export class UnknownTopicError extends Error {
  readonly code = 'UNKNOWN_TOPIC';
  /** The topic may be created later. */
  readonly retryable = true;
  constructor(readonly topic: string) {
    super(`there is no topic ${topic}`);
    this.name = 'UnknownTopicError';
  }
}
