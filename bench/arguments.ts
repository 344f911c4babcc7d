import { parseArgs } from 'node:util';

export interface Asked {
  /** All when none is named. */
  readonly names: readonly string[];
  readonly repeats: number;
  readonly scale: number;
  readonly run: string | undefined;
}

/** What the command line asks for; throws when that cannot be. `known` are the names that can be chosen. */
export function readArguments(given: readonly string[], known: readonly string[]): Asked {
  const { positionals, values } = parseArgs({
    args: [...given],
    allowPositionals: true,
    options: {
      repeats: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      run: { type: 'string' },
    },
  });
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error('--repeats must be a whole number from 1');
  const scale = Number(values.scale);
  if (!(scale > 0)) throw new Error('--scale must be a number above 0');
  return { names: positionals.length > 0 ? positionals : known, repeats, scale, run: values.run };
}
