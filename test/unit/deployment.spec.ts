import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const APPS = ['orchestrator', 'inventory-worker', 'payment-worker', 'shipping-worker'];

const duration = z.string().regex(/^\d+s$/);
const service = z.strictObject({
  image: z.string(),
  build: z.literal('.').optional(),
  command: z.tuple([z.literal('node'), z.string()]).optional(),
  restart: z.literal('unless-stopped'),
  stop_grace_period: duration.optional(),
  environment: z.record(z.string().regex(/^[A-Z_]+$/), z.string()),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
  volumes: z.array(z.string().regex(/^[a-z]+:\/[a-z/]+$/)).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.enum(['CMD', 'CMD-SHELL']), z.string()], z.string()),
    interval: duration,
    timeout: duration,
    retries: z.int().positive(),
    start_period: duration.optional(),
  }),
});
const file = z.looseObject({
  name: z.literal('counterstep'),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

const compose = file.parse(parse(read('docker-compose.yml'), { merge: true }));
const services = Object.entries(compose.services);
const apps = services.filter(([name]) => APPS.includes(name));

describe('docker-compose.yml', () => {
  test('holds Postgres, Kafka and every app, each with a health check', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['kafka', 'postgres', ...APPS].sort());
  });

  test.each(services)('%s has an image with a pinned tag', (_name, { image }) => {
    expect(image).toMatch(/^[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  test.each(services)(
    '%s waits only for services that exist, and keeps its data in declared volumes',
    (_name, s) => {
      expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(s.depends_on ?? {})));
      const used = (s.volumes ?? []).map((volume) => volume.split(':')[0]);
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(used));
    },
  );

  test.each(apps)(
    '%s runs its own entry point from the one image, once the servers are healthy',
    (name, app) => {
      expect(app).toMatchObject({ build: '.', command: ['node', `apps/${name}/dist/main.js`] });
      expect(Object.keys(app.depends_on ?? {})).toEqual(expect.arrayContaining(['postgres', 'kafka']));
    },
  );

  test('points the apps at its own Postgres and Kafka', () => {
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = compose.services['postgres']?.environment ?? {};
    const url = `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}`;
    for (const [, { environment }] of apps) {
      expect(environment).toMatchObject({ DATABASE_URL: url, KAFKA_BROKERS: 'kafka:9092' });
    }
    expect(compose.services['kafka']?.environment['KAFKA_ADVERTISED_LISTENERS']).toContain(
      'PLAINTEXT://kafka:9092',
    );
  });

  test.each(apps)(
    'asks %s whether it is ready, at the port that it gives it',
    (_name, { environment, healthcheck }) => {
      const port = environment['PORT'] ?? environment['HEALTH_PORT'];
      expect(healthcheck.test.join(' ')).toContain(`http://127.0.0.1:${port}/health/ready`);
    },
  );

  test('serves the orchestrator to the host only, at the port that it listens on', () => {
    const { environment, ports } = service.parse(compose.services['orchestrator']);
    expect(ports).toEqual([`127.0.0.1:3000:${environment['PORT']}`]);
  });
});

test.each(apps)(
  'the configuration of %s knows every variable that docker-compose.yml sets',
  async (name, app) => {
    const config = join(root, 'apps', name, 'src', 'config.ts');
    // An app without an entry point is not written yet.
    if (!existsSync(join(root, 'apps', name, 'src', 'main.ts'))) return;
    const { configSchema } = (await import(config)) as { configSchema: z.ZodType };
    const { properties } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
    expect(Object.keys(properties ?? {})).toEqual(expect.arrayContaining(Object.keys(app.environment)));
  },
);

describe('the Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');

  test('builds on pinned images, and runs as a user that is not root', () => {
    const images = lines.filter((line) => line.startsWith('FROM '));
    expect(images.length).toBeGreaterThan(1);
    for (const line of images) expect(line).toMatch(/^FROM node:\d+\.\d+\.\d+-[a-z-]+( AS build)?$/);
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
  });

  test('copies only what is there and is not ignored', () => {
    const ignored = read('.dockerignore').split('\n');
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied).toEqual(expect.arrayContaining(['libs', 'apps', 'package-lock.json']));
    for (const path of copied) {
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
      expect(ignored).not.toContain(path);
    }
  });
});

test('nest-cli.json lists the apps, with TypeScript projects that exist', () => {
  const project = z.looseObject({ compilerOptions: z.strictObject({ tsConfigPath: z.string() }) });
  const { projects } = z
    .looseObject({ projects: z.record(z.string(), project) })
    .parse(JSON.parse(read('nest-cli.json')));
  expect(Object.keys(projects)).toEqual(APPS);
  for (const { compilerOptions } of Object.values(projects)) {
    expect(existsSync(join(root, compilerOptions.tsConfigPath))).toBe(true);
  }
});
