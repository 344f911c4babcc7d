// `npm test`: every check in order, stopping at the first that fails. The last line holds the totals of all tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { line, sum, totalsOf } from './totals.mjs';

const LIMIT_MINUTES = 20;
const root = join(import.meta.dirname, '..');
const reports = mkdtempSync(join(tmpdir(), 'counterstep-check-'));
const totals = [];

const stages = [
  ['format', async () => (await npm('format:check')).status === 0],
  ['lint', async () => (await npm('lint')).status === 0],
  ['types', async () => (await npm('types')).status === 0],
  ['unit tests', () => tests('unit')],
  ['integration tests', () => tests('integration')],
  ['end-to-end tests', () => tests('e2e')],
  [
    'tests of S3',
    () => (process.env.COUNTERSTEP_S3_URL ? tests('s3') : leftOut('COUNTERSTEP_S3_URL names no S3 server')),
  ],
];

let failed;
for (const [name, passes] of stages) {
  console.log(`\n== ${name}`);
  const begin = performance.now();
  if (!(await passes())) failed = name;
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`== ${name}: ${failed ? 'FAILED' : 'passed'} after ${seconds} s`);
  if (failed) break;
}
rmSync(reports, { recursive: true, force: true });

const total = sum(totals);
if (failed) console.log(`\nstopped: ${failed} failed`);
else if (total.passed === 0) console.log('\nfailed: no test ran');
console.log(`\n${line(total)}`);
process.exitCode = failed || total.passed === 0 ? 1 : 0;

function leftOut(reason) {
  console.log(`left out: ${reason}`);
  return true;
}

async function tests(project) {
  const list = await npm(project, ['--listTests'], 'pipe');
  if (list.status === 0 && !list.output.includes('.spec.ts')) {
    console.log('no test files yet');
    return true;
  }
  const file = join(reports, `${project}.json`);
  const { status } = await npm(project, ['--json', `--outputFile=${file}`], 'ignore');
  const result = totalsOf(read(file), status);
  totals.push(result);
  return result.failed === 0;
}

/** Runs a script of package.json in a process group of its own, so that all of it ends at the time limit or at Ctrl-C. */
async function npm(script, args = [], stdout = 'inherit') {
  const child = spawn('npm', ['run', '--silent', script, '--', ...args], {
    cwd: root,
    stdio: ['ignore', stdout, 'inherit'],
    detached: true,
  });
  const end = () => process.kill(-child.pid, 'SIGKILL');
  const interrupt = () => {
    end();
    process.exit(130);
  };
  const limit = setTimeout(() => {
    console.log(`${script} did not end within ${LIMIT_MINUTES} minutes`);
    end();
  }, LIMIT_MINUTES * 60_000);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const [output, [status]] = await Promise.all([child.stdout && text(child.stdout), once(child, 'close')]);
    return { status, output };
  } finally {
    clearTimeout(limit);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
