import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

test('the kit for workflows runs under node:test', async () => {
  // Jest tells its children that they are tests of its own, and node:test then reports otherwise.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const file = join(import.meta.dirname, '../support/scenario-under-node-test.ts');
  const args = ['--import', './test/support/typescript.mjs', '--test', '--test-reporter=tap', file];
  const { stdout } = await run(process.execPath, args, { cwd: root, env });
  expect(stdout).toContain('# pass 4');
  expect(stdout).toContain('# fail 0');
}, 60_000);
