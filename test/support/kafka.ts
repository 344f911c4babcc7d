import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { dockerBroker } from './kafka/docker-broker.js';
import { javaBroker } from './kafka/java-broker.js';

export const KAFKA_VERSION = '4.3.1';

/** A one-node Kafka (KRaft) of our own. It keeps its port and its data over `stop`, `kill` and `restart`. */
export interface KafkaServer {
  /** `host:port`, as `KAFKA_BROKERS` takes it. */
  readonly brokers: string;
  /** The broker's process id, to measure its CPU; undefined while it is down, or when it runs in a container. */
  readonly pid: number | undefined;
  /** Where its data is; undefined when it runs in a container. */
  readonly folder: string | undefined;
  /** An orderly shutdown; resolves when the process is gone. */
  stop(): Promise<void>;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends the broker and removes its data. */
  close(): Promise<void>;
}

export interface KafkaOptions {
  /** A free port by default. */
  port?: number;
}

/**
 * Starts a broker and resolves when it answers. Java and Maven are preferred, then Docker; with neither it rejects and
 * says what to install. The broker is gone when this process is, even after kill -9.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  if ((await answers('java', '-version')) && (await answers('mvn', '-version'))) {
    return javaBroker(KAFKA_VERSION, options);
  }
  if (await answers('docker', 'info')) return dockerBroker(KAFKA_VERSION, options);
  throw new Error(
    'These tests need a real Kafka, and found no way to one. Do one of three: set KAFKA_BROKERS=host:port to a broker ' +
      'that runs already; or install Java 17 or later and Maven (Debian: apt-get install openjdk-17-jre-headless maven); ' +
      'or install Docker and start its engine, so that `docker info` answers.',
  );
}

/** The brokers at `KAFKA_BROKERS` if that is set, else a broker of our own. */
export async function startSharedKafka(): Promise<Pick<KafkaServer, 'brokers' | 'pid' | 'close'>> {
  const external = process.env['KAFKA_BROKERS'];
  if (external) return { brokers: external, pid: undefined, close: async () => {} };
  return startKafka();
}

/** The broker that this test run shares. Throws when the run has none. */
export function kafkaBrokers(): string {
  const brokers = process.env['COUNTERSTEP_TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('no Kafka in this run: tests that need one are integration or e2e tests');
  return brokers;
}

async function answers(command: string, argument: string): Promise<boolean> {
  try {
    await promisify(execFile)(command, [argument], { timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}
