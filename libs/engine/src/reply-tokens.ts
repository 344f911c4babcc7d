import { hash } from 'node:crypto';

/** Bytes that SHA-256 takes at a time. */
const BLOCK = 64;
const DIGEST = 32;
const TOKEN_LENGTH = 27;

/**
 * What proves a reply: only the worker that got the command knows it. HMAC-SHA-256 (RFC 2104) from two hashes, cut to 27
 * characters: Node's own makes a stream with a native handle each time, for which the garbage collector pays as well.
 */
export class ReplyTokens {
  private inner = Buffer.alloc(1_024);
  private readonly outer = Buffer.alloc(BLOCK + DIGEST);

  constructor(secret: Uint8Array) {
    const key = secret.byteLength > BLOCK ? Buffer.from(hash('sha256', secret, 'hex'), 'hex') : secret;
    for (let at = 0; at < BLOCK; at += 1) {
      this.inner[at] = (key[at] ?? 0) ^ 0x36;
      this.outer[at] = (key[at] ?? 0) ^ 0x5c;
    }
  }

  of(effectKey: string, worker: string): string {
    const name = `v1\n${effectKey}\n${worker}`;
    // No character takes more than three bytes.
    if (BLOCK + 3 * name.length > this.inner.length) this.grow(BLOCK + 3 * name.length);
    const end = BLOCK + this.inner.write(name, BLOCK);
    this.outer.write(hash('sha256', this.inner.subarray(0, end), 'binary'), BLOCK, 'binary');
    return hash('sha256', this.outer, 'base64url').slice(0, TOKEN_LENGTH);
  }

  private grow(length: number): void {
    const larger = Buffer.alloc(length);
    this.inner.copy(larger, 0, 0, BLOCK);
    this.inner = larger;
  }
}
