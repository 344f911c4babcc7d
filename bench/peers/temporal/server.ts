import { createServer } from 'node:net';

const FIRST_PORT = 20_000;

/**
 * Free ports on the loopback address. Temporal keeps its ports in a smallint, so they are below 32,768 and not where the
 * system hands out ports of its own accord.
 */
export async function lowPorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let port = FIRST_PORT; ports.length < count; port += 1) {
    const server = createServer();
    const isFree = await new Promise((resolve) =>
      server
        .once('error', () => resolve(false))
        .once('listening', () => resolve(true))
        .listen(port, '127.0.0.1'),
    );
    server.close();
    if (isFree) ports.push(port);
  }
  return ports;
}

/** Rate limits are raised so that none binds; one partition per task queue suffices for one worker on two cores. */
export const DYNAMIC = {
  'frontend.rps': 100_000,
  'frontend.namespaceRPS': 100_000,
  'frontend.namespaceRPS.visibility': 1_000,
  'frontend.namespaceCount': 20_000,
  'frontend.persistenceMaxQPS': 100_000,
  'history.rps': 100_000,
  'history.persistenceMaxQPS': 100_000,
  'matching.rps': 100_000,
  'matching.persistenceMaxQPS': 100_000,
  'system.visibilityPersistenceMaxReadQPS': 100_000,
  'system.visibilityPersistenceMaxWriteQPS': 100_000,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
};

/** Per service and store: the four services of one server have a pool each. */
export const CONNECTIONS = 20;
export const SHARDS = 128;

export const DATABASES = { temporal: 'temporal', visibility: 'temporal_visibility' } as const;

/** The configuration of a server with all four services in one process. JSON is YAML. */
export function serverConfig(postgres: URL, ports: readonly number[], dynamicConfig: string): string {
  const [frontend, frontendMembers, http, ...rest] = ports;
  const sql = (databaseName: string, maxConns: number) => ({
    sql: {
      pluginName: 'postgres12_pgx',
      databaseName,
      connectAddr: postgres.host,
      connectProtocol: 'tcp',
      user: postgres.username,
      password: postgres.password,
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  });
  const service = (grpcPort?: number, membershipPort?: number) => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true },
  });
  return JSON.stringify({
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: SHARDS,
      datastores: {
        default: sql(DATABASES.temporal, CONNECTIONS),
        visibility: sql(DATABASES.visibility, CONNECTIONS / 4),
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: {
      frontend: {
        rpc: { grpcPort: frontend, membershipPort: frontendMembers, httpPort: http, bindOnLocalHost: true },
      },
      matching: service(rest[0], rest[1]),
      history: service(rest[2], rest[3]),
      worker: service(rest[4], rest[5]),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${frontend}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: dynamicConfig, pollInterval: '60s' },
  });
}
