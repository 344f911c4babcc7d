import { reasonOf } from './errors.js';

/** JSON in one line, whatever the value holds: errors as name and message, big integers as text. Never throws. */
export function jsonLine(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'bigint') return String(part);
      if (part instanceof Error) return { name: part.name, message: part.message };
      return part;
    });
  } catch (thrown) {
    return JSON.stringify({ notShown: reasonOf(thrown) });
  }
}
