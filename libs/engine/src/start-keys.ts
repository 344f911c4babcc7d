import { createHash } from 'node:crypto';
import { ValidationError, canonicalJson } from '@counterstep/core';
import type { Workflow } from '@counterstep/core';
import { businessKeySchema, findJsonProblem } from '@counterstep/protocol';
import type { BusinessKeyPolicy, JsonObject } from '@counterstep/protocol';
import type { InputResult } from './input.js';
import type { StartOptions } from './requests.js';
import type { NewKey, TakenKey } from './store.js';

/** By which a start is known again. A `request` gives the saga that it got at first, and no other body may use it. */
export interface StartKey extends NewKey {
  readonly policy: 'request' | BusinessKeyPolicy;
}

const MAX_REQUEST_ID = 400;

/** The keys of a start, that of the request first. Throws `ValidationError` (`BAD_REQUEST_ID`, `BAD_BUSINESS_KEY`). */
export function keysOfStart(
  workflow: Workflow,
  input: JsonObject,
  { requestId, source, businessKey, startAt, failureMode }: StartOptions,
): StartKey[] {
  const keys: StartKey[] = [];
  const body = { workflow: workflow.name, input, startAt: startAt?.toISOString() ?? null };
  if (requestId !== undefined) {
    checkText('BAD_REQUEST_ID', 'a request id', requestId);
    if (source !== undefined) checkText('BAD_REQUEST_ID', 'the source of a request', source);
    // A source may have any name: that of no source must not be one of them.
    const scope = source === undefined ? 'request' : `request:${source}`;
    const bodyHash = hashOf({
      ...body,
      ...(businessKey && { businessKey }),
      ...(failureMode && { failureMode }),
    });
    keys.push({ scope, key: requestId, bodyHash, policy: 'request' });
  }
  if (businessKey) {
    const parsed = businessKeySchema.safeParse(businessKey);
    if (!parsed.success) {
      const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw new ValidationError('BAD_BUSINESS_KEY', `the business key is not valid: ${reasons.join('; ')}`);
    }
    const { key, policy } = parsed.data;
    checkText('BAD_BUSINESS_KEY', 'a business key', key);
    const fromClosed = policy === 'startIfClosed';
    keys.push({ scope: `business:${workflow.name}`, key, bodyHash: hashOf(body), policy, fromClosed });
  }
  return keys;
}

/** By which all orchestrators know the tick of a schedule. Its input may change in a deploy, so no body is compared. */
export function keyOfTick(schedule: string, tick: number): StartKey {
  const key = new Date(tick).toISOString();
  return { scope: `schedule:${schedule}`, key, bodyHash: 'tick', policy: 'request' };
}

/**
 * What a start gets whose key has a saga already; undefined when it may begin. `claims` are the keys that shall lead to
 * the saga that it got.
 */
export function judgeKeys(
  keys: readonly StartKey[],
  holderOf: (key: StartKey) => TakenKey | undefined,
): { result: InputResult; claims: StartKey[] } | undefined {
  for (const key of keys) {
    const holder = holderOf(key);
    if (!holder) continue;
    const { sagaId } = holder;
    const existing: InputResult = { kind: 'existing', sagaId };
    switch (key.policy) {
      case 'request':
        if (holder.bodyHash === key.bodyHash) return { result: existing, claims: [] };
        return refused(
          'IDEMPOTENCY_CONFLICT',
          `the key '${key.key}' was used with another request, which got saga ${sagaId}`,
          sagaId,
        );
      case 'returnExisting':
        return { result: existing, claims: keys.filter(({ policy }) => policy === 'request') };
      case 'startIfClosed':
        if (holder.closed) continue;
        return refused(
          'BUSINESS_KEY_TAKEN',
          `saga ${sagaId} has the business key '${key.key}' and is still open`,
          sagaId,
        );
      case 'reject':
        return refused('BUSINESS_KEY_TAKEN', `saga ${sagaId} has the business key '${key.key}'`, sagaId);
    }
  }
  return undefined;
}

function refused(code: string, message: string, holder: string): { result: InputResult; claims: StartKey[] } {
  return { result: { kind: 'refused', code, message, holder }, claims: [] };
}

/** It becomes part of an index, which takes no long texts. */
function checkText(code: string, what: string, text: string): void {
  if (text.length === 0 || text.length > MAX_REQUEST_ID)
    throw new ValidationError(code, `${what} must have 1 to ${MAX_REQUEST_ID} characters`);
  if (findJsonProblem(text)) throw new ValidationError(code, `${what} must be text that can be stored`);
}

function hashOf(body: object): string {
  return createHash('sha256').update(canonicalJson(body)).digest('base64url');
}
