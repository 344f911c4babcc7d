// The examples in docs/guides are tests: the blocks that begin with "```ts test" become `.cache/docs/<page>.spec.ts`, one
// module per page, each line where it is in the page. `npm run unit` runs them, `npm run types` checks their types.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** The page with every line blanked that is not in such a block; undefined when it has none. */
export function examplesOf(markdown) {
  let inside = false;
  let found = false;
  const lines = markdown.split('\n').map((line) => {
    const isFence = line.startsWith('```');
    if (!isFence) return inside ? line : '';
    inside = !inside && /^```ts test\s*$/.test(line);
    found ||= inside;
    return '';
  });
  return found ? lines.join('\n') : undefined;
}

function write(pages, target) {
  mkdirSync(target, { recursive: true });
  const made = new Set();
  for (const page of readdirSync(pages).filter((file) => file.endsWith('.md'))) {
    const code = examplesOf(readFileSync(join(pages, page), 'utf8'));
    if (code === undefined) continue;
    const file = page.replace(/\.md$/, '.spec.ts');
    made.add(file);
    const path = join(target, file);
    // Not touched when it is the same: another run may be reading it.
    if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code);
  }
  for (const file of readdirSync(target)) if (!made.has(file)) rmSync(join(target, file));
}

if (process.argv[1] === import.meta.filename) write(join(root, 'docs/guides'), join(root, '.cache/docs'));
