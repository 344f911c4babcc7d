// `npm run verify:deep`: the checks by machine that take longer than `npm test` may, one after the other. Ends non-zero
// when one fails. Each run has other random sagas; a difference prints the seed that brings it back. With words
// (`npm run verify:deep -- seeded`) only the checks whose names have one of them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const seed = process.env.MODEL_SEED ?? String(Date.now() % 0x7fff_ffff);

const typescript = [
  process.execPath,
  '--max-old-space-size=6000',
  '--import',
  './test/support/typescript.mjs',
];

const checks = [
  {
    name: 'the naive model against decide',
    command: ['npm', 'run', '--silent', 'unit', '--', 'test/unit/model.spec.ts'],
    env: { MODEL_RUNS: process.env.MODEL_RUNS ?? '300000', MODEL_SEED: seed },
  },
  {
    name: 'all interleavings of decide, the barrier and the bus',
    command: [...typescript, 'test/explorer/main.ts'],
  },
  {
    name: 'that the walks lose nothing by what they forget',
    command: [...typescript, 'test/explorer/compare.ts'],
  },
  {
    name: 'seeded bugs, and every check that catches them',
    command: [...typescript, 'test/explorer/seeded.ts'],
  },
  {
    name: 'Kafka away for five minutes under load, and Postgres frozen for one',
    command: ['npm', 'run', '--silent', 'e2e', '--', 'e2e/outages.spec'],
    env: { DEEP: '1' },
  },
];

const words = process.argv.slice(2);
const wanted = checks.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (wanted.length === 0) throw new Error(`no check is named ${words.join(' or ')}`);

const build = { name: 'build', command: ['npm', 'run', '--silent', 'build'] };
const failed = [];
for (const { name, command, env } of [build, ...wanted]) {
  console.log(`\n== ${name}`);
  const begin = performance.now();
  const [program, ...args] = command;
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.log(`== ${name}: ${status === 0 ? 'passed' : 'FAILED'} after ${seconds} s`);
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? '\nall passed' : `\nfailed: ${failed.join('; ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
