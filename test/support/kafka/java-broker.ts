import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../free-port.js';
import { endProcess, guard, quote } from '../guard.js';
import { waitFor } from '../wait-for.js';
import type { KafkaOptions, KafkaServer } from '../kafka.js';
import { brokerSettings } from './settings.js';

const run = promisify(execFile);
const here = import.meta.dirname;
const cache = join(here, '..', '..', '..', '.cache', 'kafka', 'libs');
const START_TIMEOUT_MS = 60_000;

/** A broker in a Java process of our own, with Apache Kafka's jars from Maven and its data in a temporary folder. */
export async function javaBroker(version: string, options: KafkaOptions): Promise<KafkaServer> {
  const libs = await kafkaJars(version);
  const folder = await mkdtemp(join(tmpdir(), 'counterstep-kafka-'));
  const pidFile = join(folder, 'pid');
  const watch = guard(`${endProcess(pidFile, 'KILL')}; rm -rf ${quote(folder)}`);
  const [free = 0, controllerPort = 0] = await freePorts(2);
  const port = options.port ?? free;
  let java: ChildProcess | undefined;

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const ending = java;
    if (!ending) return;
    const gone = ending.exitCode === null && ending.signalCode === null ? once(ending, 'exit') : undefined;
    ending.kill(signal);
    await gone;
    java = undefined;
    await rm(pidFile, { force: true });
  };
  const start = async () => {
    if (java) throw new Error('the broker is already running');
    java = await launch(libs, folder, port, (started) => {
      java = started;
      return writeFile(pidFile, `${started.pid}\n`);
    });
  };
  const server: KafkaServer = {
    brokers: `127.0.0.1:${port}`,
    folder,
    get pid() {
      return java?.pid;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: start,
    async close() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      await watch.release();
    },
  };
  try {
    await format(libs, folder, {
      ...brokerSettings('127.0.0.1', port, controllerPort),
      'log.dirs': join(folder, 'logs'),
    });
    await start();
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The folder of jars. Filled once per version; a rename makes it appear whole, also when several runs race for it. */
async function kafkaJars(version: string): Promise<string> {
  const libs = join(cache, version);
  if (await exists(libs)) return libs;
  await mkdir(cache, { recursive: true });
  const partial = await mkdtemp(join(cache, `${version}-partial-`));
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${partial}`, `-Dkafka.version=${version}`];
  try {
    await run('mvn', ['-q', '-B', '-f', join(here, 'pom.xml'), ...goal]);
    // A temporary folder is for its owner only; the cache is for whoever works in this clone.
    await chmod(partial, 0o755);
    await rename(partial, libs);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(libs)))
      throw new Error('Maven could not fetch the jars of Apache Kafka', { cause: error });
  }
  return libs;
}

async function format(libs: string, folder: string, settings: Record<string, string>): Promise<void> {
  const file = join(folder, 'server.properties');
  await writeFile(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const id = 'AAAAAAAAAAAAAAAAAAAAAA';
  await run('java', [...javaOptions(libs), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file]);
}

async function launch(
  libs: string,
  folder: string,
  port: number,
  onSpawn: (java: ChildProcess) => Promise<void>,
): Promise<ChildProcess> {
  const heap = ['-Xms512m', '-Xmx1g', '-XX:+UseSerialGC'];
  const main = ['kafka.Kafka', join(folder, 'server.properties')];
  const java = spawn('java', [...heap, ...javaOptions(libs), ...main], { stdio: ['ignore', 'pipe', 'pipe'] });
  await onSpawn(java);
  let log = '';
  let started = false;
  const read = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8_000);
    started ||= log.includes('Kafka Server started');
  };
  java.stdout.on('data', read);
  java.stderr.on('data', read);
  const dead = () => java.exitCode !== null || java.signalCode !== null;
  await waitFor(async () => dead() || (started && (await listens(port))), {
    what: `Kafka on port ${port}`,
    timeoutMs: START_TIMEOUT_MS,
    everyMs: 50,
  }).catch((error: unknown) => {
    throw new Error(`Kafka did not start:\n${log}`, { cause: error });
  });
  if (dead()) throw new Error(`Kafka ended while it started:\n${log}`);
  return java;
}

function javaOptions(libs: string): string[] {
  return [`-Dlog4j2.configurationFile=${join(here, 'log4j2.xml')}`, '-cp', join(libs, '*')];
}

/** True when something accepts TCP connections at the port on the loopback address. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
