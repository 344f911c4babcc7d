import { StateStoreError } from '@counterstep/core';
import type { Entry } from './batch.js';
import type { Input, InputResult } from './input.js';

/** The inputs that wait for a lane, and the promise that each is answered once. */
export class InputQueue {
  private waiting: Input[] = [];
  /** Of the batch that was taken last. */
  private answered: Input[] = [];

  get length(): number {
    return this.waiting.length;
  }

  push(input: Input): void {
    this.waiting.push(input);
  }

  take(most: number): Input[] {
    this.answered = [];
    return this.waiting.splice(0, most);
  }

  /** Puts inputs back in front of all others, in their order. */
  again(inputs: readonly Input[]): void {
    this.waiting.unshift(...inputs);
  }

  answer(input: Input, result: InputResult): void {
    this.answered.push(input);
    input.settle(result);
  }

  answerAll(entry: Entry): void {
    for (const { input, result } of entry.verdicts) this.answer(input, result);
  }

  /** After a batch that failed: callers are told, everything else that has no answer yet waits for the next batch. */
  restore(inputs: readonly Input[], error: Error): void {
    const closed = new Set([...this.waiting, ...this.answered]);
    const open = inputs.filter((input) => !closed.has(input));
    for (const input of open.filter(isRequest)) this.answer(input, { kind: 'failed', error });
    this.again(open.filter((input) => !isRequest(input)));
  }

  /** Callers do not wait for a store that is away. */
  readonly failRequests = (): void => {
    const error = new StateStoreError('STORE_DOWN', 'the store cannot be reached');
    const requests = this.waiting.filter(isRequest);
    this.waiting = this.waiting.filter((input) => !isRequest(input));
    for (const request of requests) this.answer(request, { kind: 'failed', error });
  };
}

function isRequest(input: Input): boolean {
  return input.origin === 'request';
}
