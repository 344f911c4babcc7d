import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
].filter((file) => file.endsWith('.md') && existsSync(join(ROOT, file)));

describe('the documents', () => {
  it.each(pages)('%s links to files that exist', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1] ?? '');
    const broken = links.filter((link) => !existsSync(join(ROOT, dirname(page), link)));
    expect(broken).toEqual([]);
  });

  it('lead a reader along one step in at most ten files', () => {
    const walk = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8').split('## ')[1] ?? '';
    const files = new Set([...walk.matchAll(/\]\((\.\.\/[^)]+\.ts)\)/g)].map((match) => match[1]));
    expect(files.size).toBeGreaterThan(5);
    expect(files.size).toBeLessThanOrEqual(10);
  });
});
