import { Readable } from 'node:stream';
import { reasonOf } from '@counterstep/steps';
import { z } from 'zod';
import { retrying } from '../retry.js';
import { BackendError, refusal } from './errors.js';

export interface HttpBackendOptions {
  /** Everything is below it, such as `https://data.example/api/v1`. */
  readonly baseUrl: string;
  /** Sent as `authorization: Bearer …`. */
  readonly token?: string;
  /** Milliseconds for each attempt, up to the end of a JSON answer or the beginning of a file; default 30,000. */
  readonly timeoutMs?: number;
  /** How often a request that may be repeated is repeated; default 4. */
  readonly retries?: number;
  /** Milliseconds before the first repetition, at most: a random share of it, doubled each time; default 200. */
  readonly firstDelayMs?: number;
}

export interface HttpRequest {
  readonly method: 'DELETE' | 'GET' | 'POST' | 'PUT';
  /** The parts of the path below the base, not yet encoded. */
  readonly path: readonly (number | string)[];
  readonly query?: Readonly<Record<string, number | string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Requests to the backend: with its token, in time, repeated when that is safe, and checked. What rejects is a
 * `BackendError`, or the reason of the caller's signal. GET, PUT and DELETE are repeated after no answer and after one that says "not now";
 * POST never is.
 */
export class HttpConnection {
  readonly #options: Required<Omit<HttpBackendOptions, 'token'>> & Pick<HttpBackendOptions, 'token'>;

  /** @throws BackendError `BACKEND_REFUSED` when `baseUrl` is none. */
  constructor(options: HttpBackendOptions) {
    // Callers without types may leave it out. It is not repeated in the error, as it may hold a password.
    if (!/^https?:/i.test(options.baseUrl) || !URL.canParse(options.baseUrl)) {
      throw new BackendError('BACKEND_REFUSED', 'baseUrl must be a URL such as https://data.example/api/v1');
    }
    this.#options = { timeoutMs: 30_000, retries: 4, firstDelayMs: 200, ...options };
  }

  /** Resolves with the JSON of the answer, checked by the schema. */
  async json<T>(request: HttpRequest, schema: z.ZodType<T>): Promise<T> {
    return this.#repeat(request, async (response) => {
      const text = await response.text();
      const parsed = schema.safeParse(jsonOf(text));
      if (parsed.success) return parsed.data;
      const why = z.prettifyError(parsed.error);
      throw new BackendError(
        'BACKEND_BAD_ANSWER',
        `${nameOf(request)} was answered with: ${why}`,
        response.status,
      );
    });
  }

  /** For a request whose answer has nothing to say. */
  async send(request: HttpRequest): Promise<void> {
    await this.#repeat(request, async (response) => response.body?.cancel());
  }

  /** Resolves with the bytes of the answer, which are not repeated once they have begun. */
  async bytes(request: HttpRequest): Promise<Readable> {
    return this.#repeat(request, async ({ body }) => (body ? Readable.fromWeb(body) : Readable.from([])));
  }

  async #repeat<T>(request: HttpRequest, read: (response: Response) => Promise<T>): Promise<T> {
    const retries = request.method === 'POST' ? 0 : this.#options.retries;
    return retrying({ ...this.#options, retries }, request.signal, async () => this.#attempt(request, read));
  }

  async #attempt<T>(request: HttpRequest, read: (response: Response) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#options.timeoutMs);
    const signal = request.signal ? AbortSignal.any([late.signal, request.signal]) : late.signal;
    try {
      const response = await fetch(this.#urlOf(request), { ...this.#initOf(request), signal });
      if (!response.ok)
        throw refusal(response.status, `${nameOf(request)}: ${response.status}, ${await reasonIn(response)}`);
      return await read(response);
    } catch (thrown) {
      if (thrown instanceof BackendError) throw thrown;
      const why = late.signal.aborted ? `no answer within ${this.#options.timeoutMs} ms` : causeOf(thrown);
      throw new BackendError('BACKEND_UNREACHABLE', `${nameOf(request)}: ${why}`, undefined, {
        cause: thrown,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #urlOf({ path, query = {} }: HttpRequest): URL {
    // Encoded or not, they would lead to another path.
    if (path.some((part) => part === '.' || part === '..')) {
      throw new BackendError('BACKEND_REFUSED', 'no id or key may be . or ..');
    }
    const parts = path.map((part) => encodeURIComponent(part)).join('/');
    const url = new URL(`${this.#options.baseUrl.replace(/\/+$/, '')}/${parts}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return url;
  }

  #initOf({ method, body }: HttpRequest): RequestInit {
    const { token } = this.#options;
    const headers = {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    // A redirection could carry the token elsewhere.
    const init = { method, headers, redirect: 'error' } as const;
    return body === undefined ? init : { ...init, body: JSON.stringify(body) };
  }
}

const nameOf = ({ method, path }: HttpRequest) => `${method} ${path.join('/')}`;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const refusalSchema = z.object({ reason: z.string() });

/** What a refusal says: its `reason`, or the beginning of whatever else it is. */
async function reasonIn(response: Response): Promise<string> {
  const text = await response.text();
  const parsed = refusalSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data.reason : text.slice(0, 200) || response.statusText;
}

/** `fetch` says only "fetch failed"; why is in the cause. */
const causeOf = (thrown: unknown) => reasonOf((thrown as Error | undefined)?.cause ?? thrown);
