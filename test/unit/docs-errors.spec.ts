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

/** The API's table from a code to its status, read as text: nobody imports an app. */
function statusOfCode(): Record<string, number> {
  const source = readFileSync(join(ROOT, 'apps/orchestrator/src/http/problem.ts'), 'utf8');
  const [, table = ''] = /STATUS_OF_CODE[^{]*\{([^}]*)\}/.exec(source) ?? [];
  return Object.fromEntries(
    [...table.matchAll(/^ {2}'?([A-Z_]+)'?: (\d{3}),$/gm)].map(([, code = '', status]) => [
      code,
      Number(status),
    ]),
  );
}

/** What looks like a code and is none: what the system, the database and HTTP say, and what stands in a message as an example. */
const NO_CODES = new Set([
  'ABORT_ERR',
  'CARD_DECLINED',
  'COMMIT',
  'DELETE',
  'DENY',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EISDIR',
  'ELOOP',
  'ENOTDIR',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EEXIST',
  'ENOTEMPTY',
  'EPIPE',
  'ERROR',
  'ETIMEDOUT',
  'GET',
  'POST',
  'PUT',
  'ROLLBACK',
  'SIGHUP',
  'SIGINT',
  'SIGTERM',
  'UTC',
]);

/** Every text in capitals that the sources quote, and every code that has a status: whatever is done with it, it may be shown. */
function quoted(): string[] {
  const folders = [
    'libs/actions',
    'libs/core',
    'libs/engine',
    'libs/protocol',
    'libs/steps',
    'libs/worker',
    'apps/orchestrator',
  ];
  const found = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .flatMap((file) => {
        const source = readFileSync(join(ROOT, folder, 'src', file), 'utf8');
        return [...source.matchAll(/'([A-Z][A-Z0-9]{2,}(?:_[A-Z0-9]+)*|[A-Z]+(?:_[A-Z0-9]+)+)'/g)].map(
          ([, code = '']) => code,
        );
      }),
  );
  return [...new Set([...found, ...Object.keys(statusOfCode())])]
    .filter((code) => !NO_CODES.has(code))
    .sort();
}

const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);

describe('the list of error codes', () => {
  it('has every code that the sources know, and no other', () => {
    expect([...new Set(headings.flatMap(codesUnder))].sort()).toEqual(quoted());
  });

  it('names no code twice under one heading', () => {
    for (const heading of headings) {
      const codes = codesUnder(heading);
      expect([heading, ...new Set(codes)]).toEqual([heading, ...codes]);
    }
  });

  it('gives each code that has an HTTP status its own', () => {
    const section = page.split(/^## /m).find((text) => text.startsWith('HTTP status\n')) ?? '';
    const told = [...section.matchAll(/^\| (\d{3}) +\| (.+?) +\|$/gm)].flatMap(([, status, codes = '']) =>
      codes.split(', ').map((code) => [code.replaceAll('`', ''), Number(status)]),
    );
    const statuses = statusOfCode();
    expect(statuses).toMatchObject({ SAGA_NOT_FOUND: 404, INTERNAL: 500 });
    expect(Object.fromEntries(told)).toEqual(statuses);
  });

  it('has every refusal and warning of a definition, and no other', () => {
    expect(codesUnder('Definitions that are refused')).toEqual([...REFUSALS].sort());
    expect(codesUnder('Warnings of definitions')).toEqual([...WARNINGS].sort());
  });

  it('has every code that the core throws by itself, and no other', () => {
    expect(codesUnder('Definitions in use')).toEqual(thrown());
  });

  it('says of each what is wrong and how to mend it', () => {
    for (const [code, wrong, mend] of headings.flatMap(rowsUnder))
      expect({ code, told: Boolean(wrong && mend) }).toEqual({ code, told: true });
  });
});
