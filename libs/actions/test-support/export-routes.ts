import { z } from 'zod';
import type { ExportBackend } from '../src/export/export-backend.js';
import type { Route } from './serve.js';
import { route } from './serve.js';

/** One page of a list: `after` is the number of items before it. */
export async function pageOf<T>(
  items: AsyncIterable<T>,
  query: URLSearchParams,
  size: number,
): Promise<{ items: T[]; next: string | null }> {
  const begin = Number(query.get('after') ?? 0);
  const page: T[] = [];
  let index = 0;
  for await (const item of items) {
    if (index >= begin + size) return { items: page, next: String(index) };
    if (index >= begin) page.push(item);
    index += 1;
  }
  return { items: page, next: null };
}

const filterIn = (query: URLSearchParams) =>
  z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .parse(JSON.parse(query.get('filter') ?? '{}'));

/** The requests for exports, answered by another backend, in pages of this size. */
export const exportRoutes = (exports: ExportBackend, pageSize: number): Route[] => [
  route('GET', 'projects/*', async ([id]) => exports.project(Number(id))),
  route('GET', 'projects/*/exports/*/count', async ([id, target = ''], _, query) => ({
    count: await exports.countRecords(Number(id), target, filterIn(query)),
  })),
  route('GET', 'projects/*/exports/*', async ([id, target = ''], _, query) =>
    pageOf(exports.records(Number(id), target, filterIn(query)), query, pageSize),
  ),
];
