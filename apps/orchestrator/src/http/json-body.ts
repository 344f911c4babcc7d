import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseJson } from '@counterstep/protocol';
import { RequestError } from './problem.js';

type Next = (error?: unknown) => void;

/** `application/json` or `application/…+json`, in UTF-8, which is the only encoding that JSON has. */
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;\s*charset="?utf-8"?\s*)?$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Turns the bytes of a body into JSON that may be stored. An empty body is no body. */
export function jsonBody(request: IncomingMessage & { body?: unknown }, _: ServerResponse, next: Next): void {
  const { body, headers } = request;
  if (!(body instanceof Uint8Array) || body.length === 0) {
    request.body = undefined;
    next();
    return;
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    next(new RequestError('UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json in UTF-8'));
    return;
  }
  const parsed = parseJson(decode(body));
  if (parsed.ok) {
    request.body = parsed.value;
    next();
    return;
  }
  const { code, message, path } = parsed.problem;
  const detail = code === 'NOT_JSON' ? `the body is not JSON: ${message}` : message;
  next(new RequestError(code, detail, [{ path, message, code }]));
}

/** What is not UTF-8 is not JSON either: an empty text makes it so. */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return '';
  }
}
