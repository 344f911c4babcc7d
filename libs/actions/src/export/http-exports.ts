import { z } from 'zod';
import type { HttpConnection } from '../backend/http-connection.js';
import { pages } from '../backend/pages.js';
import type { Project } from '../upload/upload-backend.js';
import { projectSchema } from '../upload/upload-backend.js';
import type { ExportBackend, ExportFilter, ExportRecord } from './export-backend.js';
import { exportRecordSchema } from './export-backend.js';

const countSchema = z.object({ count: z.int().nonnegative() });

/** The part for exports over HTTP; docs/guides/actions.md lists the requests. */
export class HttpExports implements ExportBackend {
  constructor(private readonly http: HttpConnection) {}

  async project(id: number, signal?: AbortSignal): Promise<Project> {
    return this.http.json({ method: 'GET', path: ['projects', id], signal }, projectSchema);
  }

  async countRecords(
    projectId: number,
    target: string,
    filter: ExportFilter,
    signal?: AbortSignal,
  ): Promise<number> {
    const path = ['projects', projectId, 'exports', target, 'count'];
    const { count } = await this.http.json(
      { method: 'GET', path, query: queryOf(filter), signal },
      countSchema,
    );
    return count;
  }

  records(
    projectId: number,
    target: string,
    filter: ExportFilter,
    signal?: AbortSignal,
  ): AsyncIterable<ExportRecord> {
    const path = ['projects', projectId, 'exports', target];
    return pages(this.http, { path, query: queryOf(filter), signal }, exportRecordSchema);
  }
}

/** As JSON, because a query cannot tell 1 from "1". */
const queryOf = (filter: ExportFilter) => ({ filter: JSON.stringify(filter) });
