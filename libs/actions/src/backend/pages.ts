import { z } from 'zod';
import type { HttpConnection, HttpRequest } from './http-connection.js';

/**
 * The items of a list that the backend gives page by page: `{ items, next }`, where `next` is what the query `after` of the
 * next page must be, and null on the last. One page is in memory at a time.
 */
export async function* pages<T>(
  http: HttpConnection,
  { path, query = {}, signal }: Pick<HttpRequest, 'path' | 'query' | 'signal'>,
  item: z.ZodType<T>,
): AsyncIterable<T> {
  const page = z.object({ items: z.array(item), next: z.string().nullable() });
  let after: string | null = null;
  do {
    const asked: Record<string, number | string> = after === null ? query : { ...query, after };
    const { items, next }: z.output<typeof page> = await http.json(
      { method: 'GET', path, query: asked, signal },
      page,
    );
    yield* items;
    after = next;
  } while (after !== null);
}
