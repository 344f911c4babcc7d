import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { freePorts } from '../free-port.js';
import { guard } from '../guard.js';
import { waitFor } from '../wait-for.js';
import type { KafkaOptions, KafkaServer } from '../kafka.js';
import { brokerSettings } from './settings.js';

const docker = async (...args: string[]) =>
  promisify(execFile)('docker', args, { maxBuffer: 16 * 1024 * 1024 });

/** A broker in a container of the image apache/kafka. Its data lives in the container's own layer. */
export async function dockerBroker(version: string, options: KafkaOptions): Promise<KafkaServer> {
  const name = `counterstep-kafka-${randomBytes(6).toString('hex')}`;
  const [free = 0] = await freePorts(1);
  const port = options.port ?? free;
  const watch = guard(`docker rm -f ${name}`);
  const settings = Object.entries(brokerSettings('0.0.0.0', port, port + 1));
  const env = settings.flatMap(([key, value]) => ['-e', `${environmentName(key)}=${value}`]);

  const started = async (since: string) => {
    await waitFor(
      async () => {
        const { stdout, stderr } = await docker('logs', '--since', since, name);
        return (stdout + stderr).includes('Kafka Server started');
      },
      { what: `Kafka in the container ${name}`, timeoutMs: 60_000, everyMs: 250 },
    );
  };
  const server: KafkaServer = {
    brokers: `127.0.0.1:${port}`,
    pid: undefined,
    folder: undefined,
    async stop() {
      await docker('stop', name);
    },
    async kill() {
      await docker('kill', name);
    },
    async restart() {
      const since = new Date().toISOString();
      await docker('start', name);
      await started(since);
    },
    async close() {
      await docker('rm', '-f', name);
      await watch.release();
    },
  };
  try {
    const image = `apache/kafka:${version}`;
    await docker('run', '-d', '--name', name, '-p', `127.0.0.1:${port}:${port}`, ...env, image);
    await started('1970-01-01T00:00:00Z');
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The image reads `KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS` for `offsets.topic.num.partitions`. */
function environmentName(key: string): string {
  return `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`;
}
