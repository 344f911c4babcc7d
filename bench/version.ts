import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Database } from './servers.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Our own: of the package, and of the commit where there is a repository. */
export const version = `${packageVersion()}${commit()}`;

/** What the figures were measured on; kept as machine.json beside the rows. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly gib: number;
  readonly node: string;
  readonly servers: readonly string[];
  readonly durability: string;
  readonly counterstep: string;
}

export function machineWith({ versions, durability }: Database): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    servers: versions,
    durability,
    counterstep: version,
  };
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { version: string }).version;
}

function commit(): string {
  try {
    const asked = ['rev-parse', '--short', 'HEAD'];
    const hash = execFileSync('git', asked, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
    return ` (${hash.toString().trim()})`;
  } catch {
    return '';
  }
}
