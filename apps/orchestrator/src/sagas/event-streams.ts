import type { ServerResponse } from 'node:http';
import type { OnModuleDestroy } from '@nestjs/common';
import type { Logger, SagaUpdate } from '@counterstep/engine';

export interface StreamLimits {
  /** Milliseconds between two comments that keep a silent connection alive. */
  readonly heartbeatMs: number;
  /** Milliseconds that a client may leave unread what it was sent, before it is dropped. */
  readonly patienceMs: number;
}

const LIMITS: StreamLimits = { heartbeatMs: 15_000, patienceMs: 30_000 };

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Proxies of the kind of nginx would otherwise wait for more.
  'x-accel-buffering': 'no',
};
/** Milliseconds that a client is waited for when the app closes. */
const GRACE_MS = 500;
/** Milliseconds after which a client that lost its connection comes again. */
const RETRY = 'retry: 1000\n\n';

type Updates = AsyncGenerator<SagaUpdate, void>;

/**
 * Server-sent events, written as fast as the client reads: what it has not taken is not asked for either. Nest's own would
 * take them from an Observable, which cannot be told to wait.
 */
export class EventStreams implements OnModuleDestroy {
  private readonly limits: StreamLimits;
  private readonly running = new Map<AbortController, Promise<void>>();

  constructor(
    private readonly logger: Logger,
    limits: Partial<StreamLimits> = {},
  ) {
    this.limits = { ...LIMITS, ...limits };
  }

  /** Ends the response with the updates. Rejects when these do, at the latest before anything was written if it is the first. */
  async send(response: ServerResponse, open: (signal: AbortSignal) => Updates): Promise<void> {
    const stop = new AbortController();
    response.once('close', () => stop.abort());
    const sending = this.pump(response, open(stop.signal), stop.signal);
    this.running.set(
      stop,
      sending.catch(() => undefined),
    );
    try {
      await sending;
    } finally {
      this.running.delete(stop);
    }
  }

  /** A server that closes waits for its connections. The clients come again, here or to another orchestrator. */
  async onModuleDestroy(): Promise<void> {
    for (const stop of this.running.keys()) stop.abort();
    await Promise.all(this.running.values());
  }

  private async pump(response: ServerResponse, updates: Updates, signal: AbortSignal): Promise<void> {
    let next = await updates.next();
    // A write to one that is gone is an error that nobody could catch.
    if (response.destroyed) return;
    response.writeHead(200, HEADERS);
    response.write(RETRY);
    const beat = setInterval(() => {
      if (!response.writableNeedDrain && !response.destroyed) response.write(': alive\n\n');
    }, this.limits.heartbeatMs);
    try {
      for (; !next.done && !signal.aborted; next = await updates.next())
        if (!response.write(textOf(next.value)) && !(await this.happens('drain', response, signal))) break;
    } finally {
      clearInterval(beat);
      await updates.return();
    }
    if (response.destroyed) return;
    response.end();
    if (await this.happens('finish', response, signal)) return;
    this.logger.debug('a client that does not read its events was dropped');
    response.destroy();
  }

  /** False when the client does not read what it was sent in time, or is gone. */
  private happens(
    event: 'drain' | 'finish',
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (response.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (happened: boolean): void => {
        clearTimeout(timer);
        response.off(event, yes);
        response.off('close', no);
        signal.removeEventListener('abort', hurry);
        resolve(happened);
      };
      const yes = (): void => settle(true);
      const no = (): void => settle(false);
      const hurry = (): void => {
        clearTimeout(timer);
        timer = setTimeout(no, GRACE_MS);
      };
      let timer = setTimeout(no, this.limits.patienceMs);
      response.once(event, yes);
      response.once('close', no);
      if (signal.aborted) hurry();
      else signal.addEventListener('abort', hurry, { once: true });
    });
  }
}

/** JSON has no line breaks, so the data are one line. Only records of the history have an id: a client resumes behind one. */
function textOf(update: SagaUpdate): string {
  const id = update.type === 'state' ? `id: ${update.seq}\n` : '';
  return `event: ${update.type}\n${id}data: ${JSON.stringify(update)}\n\n`;
}
