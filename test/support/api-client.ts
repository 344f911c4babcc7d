/** What an HTTP client sees: status, headers, and the body as JSON where it is JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Talks to the REST API at a base URL as any client would. */
export class ApiClient {
  constructor(readonly url: string) {}

  get(path: string): Promise<HttpAnswer> {
    return this.send('GET', path);
  }

  /** Sends `body` as JSON. */
  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    if (body === undefined) return this.send('POST', path, undefined, headers);
    return this.send('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  async send(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : { text }) as Record<string, unknown>,
    };
  }
}
