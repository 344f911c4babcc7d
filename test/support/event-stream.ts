import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { sagaUpdateSchema, type SagaUpdateBody } from '@counterstep/protocol';
import { waitFor } from './wait-for.js';

export interface ServerSentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: SagaUpdateBody;
}

type Update<Type extends SagaUpdateBody['type']> = Extract<SagaUpdateBody, { type: Type }>;

/** A client of server-sent events that reads by the standard, and says what it has seen. */
export class EventStream {
  readonly events: ServerSentEvent[] = [];
  readonly comments: string[] = [];
  /** Milliseconds, as the server has asked. */
  retry: number | undefined;
  /** How the connection ended: by the server's will, or broken. */
  ending: 'ended' | 'broken' | undefined;
  private rest = '';

  private constructor(
    private readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8');
    response.on('end', () => (this.ending ??= 'ended'));
    response.on('error', () => (this.ending ??= 'broken'));
    response.on('close', () => (this.ending ??= 'broken'));
  }

  /** Resolves when the headers are there. One that is not to read yet reads nothing until `read`. */
  static async open(
    url: string,
    { lastEventId, reads = true }: { lastEventId?: number | string; reads?: boolean } = {},
  ): Promise<EventStream> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) };
    const request = get(url, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    request.on('error', () => undefined);
    const stream = new EventStream(request, response);
    if (reads) stream.read();
    return stream;
  }

  read(): void {
    this.response.on('data', (text: string) => this.take(text));
  }

  close(): void {
    this.request.destroy();
  }

  of<Type extends SagaUpdateBody['type']>(type: Type): Update<Type>[] {
    return this.events.flatMap(({ data }) => (data.type === type ? [data as Update<Type>] : []));
  }

  get ids(): number[] {
    return this.events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
  }

  /** Resolves when the server has ended the response. */
  ended(timeoutMs = 30_000): Promise<unknown> {
    return waitFor(() => this.ending === 'ended', { what: 'the stream ends', timeoutMs });
  }

  until(fact: () => unknown, what: string): Promise<unknown> {
    return waitFor(() => Boolean(fact()), { what });
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.block(block);
  }

  private block(block: string): void {
    const fields: Record<string, string> = {};
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === '') this.comments.push(value);
      else fields[name] = value;
    }
    if (fields['retry'] !== undefined) this.retry = Number(fields['retry']);
    if (fields['data'] === undefined) return;
    const data = sagaUpdateSchema.parse(JSON.parse(fields['data']));
    this.events.push({ event: fields['event'] ?? 'message', id: fields['id'], data });
  }
}
