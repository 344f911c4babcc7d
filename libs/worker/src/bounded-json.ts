import { storableText, type JsonObject, type JsonValue } from '@counterstep/protocol';

const MAX_DEPTH = 8;
/** Stands where something was left out. */
const CUT = '…';

/**
 * A copy of what a handler tells, as JSON of at most about `bytes` bytes, whatever it was given: what is too long, too deep or
 * endless is cut, and what is no JSON becomes text. The work is bounded too. Throws only what a getter throws.
 */
export function boundedJson(value: object, bytes: number): JsonObject {
  return new Copy(bytes).object(value, 0);
}

class Copy {
  constructor(private left: number) {}

  object(value: object, depth: number): JsonObject {
    const copy: JsonObject = {};
    this.left -= 2;
    // Not Object.entries: of a huge object only the first values are looked at.
    for (const key in value) {
      if (!Object.hasOwn(value, key) || key === '__proto__') continue;
      const child: unknown = (value as Record<string, unknown>)[key];
      if (child === undefined || typeof child === 'function' || typeof child === 'symbol') continue;
      const name = storableText(key, this.left);
      if (!this.spend(sizeOf(name) + 2) || name === '') break;
      copy[name] = this.value(child, depth + 1);
    }
    return copy;
  }

  private value(value: unknown, depth: number): JsonValue {
    if (typeof value === 'string') return this.text(value);
    // JSON has no -0.
    if (typeof value === 'number' && Number.isFinite(value)) return this.spend(24) ? value + 0 : CUT;
    if (typeof value === 'boolean') return this.spend(5) ? value : CUT;
    if (value === null || value === undefined) return this.spend(4) ? null : CUT;
    if (typeof value === 'number' || typeof value === 'bigint') return this.text(value.toString());
    if (typeof value !== 'object') return CUT;
    if (value instanceof Date) return this.text(Number.isNaN(value.getTime()) ? 'NaN' : value.toISOString());
    if (value instanceof Error) return this.text(`${value.name}: ${value.message}`);
    if (depth > MAX_DEPTH || this.left <= 0) return CUT;
    return Array.isArray(value) ? this.list(value, depth) : this.object(value, depth);
  }

  private list(values: readonly unknown[], depth: number): JsonValue[] {
    const copy: JsonValue[] = [];
    this.left -= 2;
    for (const value of values) {
      if (this.left <= 0) {
        copy.push(CUT);
        break;
      }
      this.left -= 1;
      copy.push(this.value(value, depth + 1));
    }
    return copy;
  }

  private text(value: string): string {
    const text = storableText(value, Math.max(0, this.left));
    if (text.length === value.length && this.spend(sizeOf(text))) return text;
    // Six bytes are the most that one unit of a text may take.
    const start = storableText(value, Math.max(0, Math.floor(this.left / 6)));
    this.left = 0;
    return start + CUT;
  }

  private spend(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }
}

/** Of the text as JSON. */
function sizeOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
