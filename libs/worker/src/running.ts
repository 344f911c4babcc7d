import type { Delivery } from '@counterstep/bus';
import { EffectCancelled, orderOf, type Answer, type BarrierOrder } from '@counterstep/core';
import type { Command } from '@counterstep/protocol';
import type { BarrierEntry, BarrierUnavailable, EffectResult } from './barrier/barrier.js';
import { failureOf, HandlerTry, type EffectOptions, type EffectRun } from './effect.js';
import type { Handler } from './handlers.js';

/** The worker stops and has not answered the command; it will be delivered again. */
export class WorkerStopped extends Error {
  readonly code = 'WORKER_STOPPED';
  readonly retryable = true;
}

/** A command that was delivered, and waits for its reply. */
export interface Asked {
  readonly command: Command;
  readonly delivery: Delivery;
}

/** What a run tells the runner. */
export interface RunningOptions extends EffectOptions {
  /** How long a handler took, in milliseconds. */
  readonly onTook: (handler: Handler, ms: number) => void;
  readonly onAnswer: (running: Running, answer: Answer) => void;
  readonly onUndecided: (running: Running, error: BarrierUnavailable) => void;
}

/** One run of a handler, that goes on or waits for its turn. */
export class Running implements EffectRun, BarrierEntry {
  /** All that asked for it: duplicates share the run. */
  readonly asked: Asked[];
  /** The newest attempt. */
  command: Command;
  isAnswered = false;
  /** How often the barrier's database could not decide. */
  tries = 0;
  readonly handler: Handler;
  readonly #options: RunningOptions;
  #order: BarrierOrder | undefined;
  #aborted: unknown;
  #try: HandlerTry | undefined;
  #definite: EffectResult | undefined;

  constructor(asked: Asked, handler: Handler, options: RunningOptions) {
    this.asked = [asked];
    this.command = asked.command;
    this.handler = handler;
    this.#options = options;
  }

  /** Of the attempt that is the newest when the barrier is asked. */
  get order(): BarrierOrder {
    this.#order ??= orderOf(this.command, this.handler.barrier);
    return this.#order;
  }

  /** Why nobody waits for it any more; undefined when somebody does. */
  get cancelled(): EffectCancelled | undefined {
    return this.#aborted instanceof EffectCancelled ? this.#aborted : undefined;
  }

  share(asked: Asked): void {
    this.asked.push(asked);
    if (asked.command.attempt > this.command.attempt) this.command = asked.command;
  }

  async effect(tx: unknown, keepAlive?: () => Promise<void>): Promise<EffectResult> {
    // The barrier asks again when its database went away before it could store the end. Outside a transaction the effect
    // stands, so it must not be made a second time.
    if (tx === undefined && this.#definite !== undefined) return this.#definite;
    if (this.cancelled) return failureOf(this.cancelled, this.cancelled);
    const began = performance.now();
    this.#try = new HandlerTry(this, this.#options, tx, keepAlive);
    if (this.#aborted !== undefined) this.#try.abort(this.#aborted);
    const result = await this.#try.perform();
    this.#try = undefined;
    this.#options.onTook(this.handler, performance.now() - began);
    if (result.outcome !== 'failed') this.#definite = result;
    return result;
  }

  /** Only the first one counts. */
  answered(answer: Answer): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.#options.onAnswer(this, answer);
  }

  undecided(error: BarrierUnavailable): void {
    this.tries += 1;
    this.#order = undefined;
    this.#options.onUndecided(this, error);
  }

  /** Aborts the signal of its handler, for good; only the first reason counts. */
  abort(reason: unknown): void {
    this.#aborted ??= reason;
    this.#try?.abort(this.#aborted);
  }
}
