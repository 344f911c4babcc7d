import { Writable } from 'node:stream';

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'WARN ', 50: 'ERROR' };
// An effect key only repeats what stands beside it.
const HIDDEN = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'effectKey']);

/** Takes pino's JSON lines and writes them for people: `12:00:00 info  payment-worker: joined queue=payments`. */
export class PrettyLines extends Writable {
  constructor(private readonly destination: Writable) {
    super({ decodeStrings: false });
  }

  override _write(chunk: unknown, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const text = Buffer.isBuffer(chunk) ? chunk.toString() : String(chunk);
    for (const line of text.split('\n')) if (line !== '') this.destination.write(`${pretty(line)}\n`);
    done();
  }
}

function pretty(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, name, msg } = entry;
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  const facts = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${clock} ${LEVELS[Number(level)] ?? String(level)} ${String(name)}: ${String(msg)}${facts.join('')}`;
}
