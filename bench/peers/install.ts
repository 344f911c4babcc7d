import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../.cache/peers', import.meta.url));

/** Where a peer's downloads and builds are kept. */
export function cacheOf(peer: string): string {
  return join(CACHE, peer);
}

/** The first version of Node 24 that the peer's package.json names for this platform. */
export function node24(peer: string): string {
  return join(cacheOf(peer), 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
}

/**
 * Copies the peer's programs to its cache and installs what their package.json names. Nothing is downloaded when that
 * has been done; install scripts of packages are never run.
 */
export async function installProgram(peer: string): Promise<void> {
  const folder = cacheOf(peer);
  mkdirSync(folder, { recursive: true });
  cpSync(new URL(`${peer}/program/`, import.meta.url), folder, { recursive: true });
  cpSync(new URL('shared/', import.meta.url), folder, { recursive: true });
  await onlyWhen(join(folder, 'installed.json'), readFileSync(join(folder, 'package.json'), 'utf8'), () =>
    run('npm', ['install', '--no-package-lock', '--ignore-scripts', '--loglevel=error'], { cwd: folder }),
  );
}

/** Runs `work` unless `marker` says that it has been done for the same `recipe`. */
export async function onlyWhen(marker: string, recipe: string, work: () => Promise<unknown>): Promise<void> {
  if (existsSync(marker) && readFileSync(marker, 'utf8') === recipe) return;
  await work();
  writeFileSync(marker, recipe);
}

/** Runs a command at the lowest priority and resolves with what it printed. Rejects with its errors when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<string> {
  const child = spawn('nice', ['-n', '19', command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} failed:\n${(errors || output).slice(-2_000)}`);
  return output;
}

/** Whether `command` can be run at all. */
export async function answers(command: string, ...args: string[]): Promise<boolean> {
  return run(command, args, { cwd: '.' }).then(
    () => true,
    () => false,
  );
}
