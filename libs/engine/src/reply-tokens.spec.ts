import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ReplyTokens } from './reply-tokens.js';

describe('reply tokens', () => {
  it('are the HMAC of effect key and worker, whatever their texts and the length of the secret', () => {
    const text = fc.string({ unit: 'binary', maxLength: 700 }).map((some) => some.toWellFormed());
    const secrets = fc.uint8Array({ minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(secrets, fc.array(fc.tuple(text, text), { minLength: 1 }), (secret, names) => {
        const tokens = new ReplyTokens(secret);
        for (const [effectKey, worker] of names) {
          const hmac = createHmac('sha256', secret).update(`v1\n${effectKey}\n${worker}`);
          expect(tokens.of(effectKey, worker)).toBe(hmac.digest('base64url').slice(0, 27));
        }
      }),
    );
  });
});
