import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explore } from './explore.js';
import { rulesAt } from './rules.js';
import { SHAPES } from './shapes.js';
import type { SeededBug } from './seeded-bugs.js';
import { copyWith } from './seeded-copy.js';

/** What caught a bug, and by what. */
export interface Catch {
  readonly check: string;
  readonly words: string;
}

/** Walks the wrong rules: all shapes a little way, then further, until an invariant is broken. */
export async function byExplorer(bug: SeededBug, depths: readonly number[]): Promise<Catch | undefined> {
  const copy = copyWith(bug, 'rules');
  try {
    const rules = await rulesAt(copy.root);
    const shapes = SHAPES.filter(({ name }) => name.startsWith(bug.shapes ?? ''));
    for (const states of depths) {
      for (const shape of shapes) {
        const walk = explore(rules, shape, 'any time', { states, until: Infinity });
        if (!walk.counterexample) continue;
        const { message, trace } = walk.counterexample;
        return { check: 'explorer', words: `${message} (after ${trace.length} moves of ${shape.name})` };
      }
    }
    return undefined;
  } finally {
    copy.remove();
  }
}

/** Tests by the folder or file that they are in. */
const CHECKS: readonly (readonly [check: string, path: string])[] = [
  ['barrier conformance', 'test/unit/memory-barrier.spec.ts'],
  ['model', 'test/unit/model'],
  ['simulateAll', 'libs/testing/src'],
  ['unit specs', 'libs/core/src'],
];

/** Runs the tests whose paths match one of `patterns` on a copy with the bug; gives one catch per check that failed. */
export function byTests(bug: SeededBug, patterns: readonly string[]): Catch[] {
  const copy = copyWith(bug, 'tests');
  try {
    const report = join(copy.root, 'report.json');
    const jest = join(copy.root, 'node_modules/jest/bin/jest.js');
    const options = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', jest];
    const run = ['--selectProjects', 'unit', '--silent', '--json', '--outputFile', report, ...patterns];
    spawnSync(process.execPath, [...options, '--rootDir', copy.root, ...run], {
      cwd: copy.root,
      stdio: 'ignore',
      timeout: 300_000,
    });
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const caught = new Map<string, string>();
    for (const { name, status, assertionResults } of testResults) {
      if (status !== 'failed') continue;
      const [check] = CHECKS.find(([, path]) => name.includes(path)) ?? ['unit specs'];
      const failed = assertionResults.find((result) => result.status === 'failed');
      const reason = failed?.failureMessages[0]?.split('\n', 1)[0]?.replace(ANSI, '') ?? '';
      caught.set(check, failed ? `${failed.fullName} (${reason})` : `${name} could not be run`);
    }
    return [...caught].map(([check, words]) => ({ check, words }));
  } finally {
    copy.remove();
  }
}

/** The colours that jest gives its messages. */
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[\d+m/g;

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}
