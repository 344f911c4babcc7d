import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheOf, onlyWhen, run } from '../install.js';

export const DTM = 'v1.19.0';

/**
 * It listens on every interface, and its HTTP client keeps only as many idle connections as there are cores and one
 * more, so that on few cores it opens a connection for nearly every branch. Neither has a setting. A benchmark should be
 * reachable from its own machine only, and its peers should not suffer from a small one.
 */
const PATCHES = [
  {
    file: 'dtmsvr/svr.go',
    from: 'Sprintf(":%d", conf.HTTPPort)',
    to: 'Sprintf("127.0.0.1:%d", conf.HTTPPort)',
  },
  {
    file: 'dtmsvr/svr.go',
    from: 'Sprintf(":%d", conf.GrpcPort)',
    to: 'Sprintf("127.0.0.1:%d", conf.GrpcPort)',
  },
  {
    file: 'client/dtmcli/dtmimp/vars.go',
    from: 'import (',
    to: 'import (\n\t"net/http"',
  },
  {
    file: 'client/dtmcli/dtmimp/vars.go',
    from: 'client := resty.New()',
    to: 'client := resty.New().SetTransport(&http.Transport{MaxIdleConns: 2000, MaxIdleConnsPerHost: 1000})',
  },
] as const;

/** Builds the server, patched, and the program of the branches and the load; keeps the schema for Postgres beside them. */
export async function build(program: URL): Promise<void> {
  const folder = cacheOf('dtm');
  mkdirSync(folder, { recursive: true });
  const sources = ['main.go', 'go.mod'].map((file) => readFileSync(new URL(file, program), 'utf8'));
  cpSync(program, join(folder, 'program'), { recursive: true });
  await onlyWhen(join(folder, 'built.json'), JSON.stringify([DTM, PATCHES, sources]), async () => {
    const module = await run('go', ['mod', 'download', '-json', `github.com/dtm-labs/dtm@${DTM}`], {
      cwd: folder,
    });
    const { Dir } = JSON.parse(module) as { Dir: string };
    const source = join(folder, 'source');
    cpSync(Dir, source, { recursive: true });
    await run('chmod', ['-R', 'u+w', source], { cwd: folder });
    for (const { file, from, to } of PATCHES) replace(join(source, file), from, to);
    await run('go', ['build', '-buildvcs=false', '-o', join(folder, 'dtm'), '.'], { cwd: source });
    await run('go', ['build', '-buildvcs=false', '-o', join(folder, 'bench'), '.'], {
      cwd: join(folder, 'program'),
    });
  });
}

export function schema(): string {
  return readFileSync(join(cacheOf('dtm'), 'source', 'sqls', 'dtmsvr.storage.postgres.sql'), 'utf8');
}

function replace(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from) && !text.includes(to))
    throw new Error(`${file} is not what the patch was made for`);
  writeFileSync(file, text.replace(from, to));
}
