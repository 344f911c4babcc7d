import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from '@swc/core';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'bench');
const BUILT = join(ROOT, '.cache', 'bench');

let built: Promise<string> | undefined;

/**
 * Builds the libraries, and the processes that are measured on them, once; gives the folder of the latter. A loader that
 * compiles as it goes would be counted as theirs: its memory is as large as the orchestrator's.
 */
export function buildProcesses(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  await promisify(execFile)(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-b'], { cwd: ROOT });
  const files = await readdir(SOURCES, { recursive: true });
  const sources = files.filter((file) => /^(\w+|children\/.*|workloads\/.*)\.ts$/.test(file));
  await Promise.all(sources.map(compile));
  return BUILT;
}

async function compile(file: string): Promise<void> {
  const { code } = await transform(await readFile(join(SOURCES, file), 'utf8'), {
    module: { type: 'es6' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  const target = join(BUILT, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
}
