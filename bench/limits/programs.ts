import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Where Debian's postgresql puts programs that are not in the PATH. */
const DEBIAN = '/usr/lib/postgresql';

/** The path of one of Postgres's programs; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : [];
  const folders = [...debian.sort().reverse(), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** What it prints. Rejects when it fails, or takes longer than two minutes. */
export async function outputOf(program: string, given: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, [...given], { timeout: 120_000 })).stdout;
}
