import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { REFUSALS, WARNINGS } from '@counterstep/core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');

/** The rows of the tables under a heading of the second level. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesUnder = (heading: string): string[] =>
  rowsUnder(heading)
    .map(([code = '']) => code.replaceAll('`', ''))
    .sort();

/** The codes with which the definition's own code throws. */
function thrown(): string[] {
  const folder = join(ROOT, 'libs/core/src');
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  const codes = sources.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/new ValidationError\(\s*'([A-Z_]+)'/g)].map(
      ([, code = '']) => code,
    ),
  );
  return [...new Set(codes)].sort();
}

describe('the list of error codes', () => {
  it('has every refusal and warning of a definition, and no other', () => {
    expect(codesUnder('Definitions that are refused')).toEqual([...REFUSALS].sort());
    expect(codesUnder('Warnings of definitions')).toEqual([...WARNINGS].sort());
  });

  it('has every code that the core throws by itself, and no other', () => {
    expect(codesUnder('Definitions in use')).toEqual(thrown());
  });

  it('says of each what is wrong and how to mend it', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
    for (const [code, wrong, mend] of headings.flatMap(rowsUnder))
      expect({ code, told: Boolean(wrong && mend) }).toEqual({ code, told: true });
  });
});
