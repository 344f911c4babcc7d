import { beforeAll, describe, expect, test } from '@jest/globals';
import { ESLint } from 'eslint';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..', '..');
let eslint: ESLint;

beforeAll(() => {
  // Planted files are in no TypeScript project, so the rules that need types are left out.
  eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });
});

async function complaints(file: string, code: string): Promise<{ rule: string; message: string }[]> {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: join(root, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => ({ rule: ruleId ?? 'parser', message }));
}

const uses = (name: string) => `import { thing } from '${name}';\nexport const kept = thing;`;
const usesType = (name: string) =>
  `import type { Thing } from '${name}';\nexport const kept: Thing | undefined = undefined;`;

describe.each([
  [
    'protocol',
    'libs/protocol/src/planted.ts',
    ['core', 'engine', 'bus', 'store', 'worker', 'steps', 'actions', 'testing'],
  ],
  ['core', 'libs/core/src/planted.ts', ['engine', 'bus', 'store', 'worker', 'steps', 'actions', 'testing']],
  ['engine', 'libs/engine/src/planted.ts', ['store', 'worker', 'steps', 'actions', 'testing']],
  ['store', 'libs/store/src/planted.ts', ['bus', 'worker', 'steps', 'actions', 'testing']],
  ['bus', 'libs/bus/src/planted.ts', ['core', 'engine', 'store', 'worker', 'steps', 'actions', 'testing']],
  ['bus/kafka', 'libs/bus/src/kafka/planted.ts', ['core', 'engine', 'store', 'worker', 'testing']],
  ['worker', 'libs/worker/src/planted.ts', ['engine', 'store', 'steps', 'actions', 'testing']],
  [
    'worker/barrier',
    'libs/worker/src/barrier/planted.ts',
    ['engine', 'store', 'steps', 'actions', 'testing'],
  ],
  ['worker/steps', 'libs/worker/src/steps/planted.ts', ['engine', 'store', 'actions', 'testing']],
  [
    'steps',
    'libs/steps/src/planted.ts',
    ['protocol', 'core', 'engine', 'bus', 'store', 'worker', 'actions', 'testing'],
  ],
  [
    'actions',
    'libs/actions/src/planted.ts',
    ['protocol', 'core', 'engine', 'bus', 'store', 'worker', 'testing'],
  ],
])('libs/%s', (_name, file, forbidden) => {
  test.each(forbidden)('may not import %s, not even its types', async (lib) => {
    for (const code of [uses(`@counterstep/${lib}`), usesType(`@counterstep/${lib}`)]) {
      expect(await complaints(file, code)).toEqual([
        { rule: 'no-restricted-imports', message: expect.stringContaining('may import: ') },
      ]);
    }
  });
});

describe.each(['engine', 'worker'])('libs/%s and the bus', (lib) => {
  test('may import types', async () => {
    expect(await complaints(`libs/${lib}/src/planted.ts`, usesType('@counterstep/bus'))).toEqual([]);
  });

  test('may not import values', async () => {
    expect(await complaints(`libs/${lib}/src/planted.ts`, uses('@counterstep/bus'))).toEqual([
      { rule: 'no-restricted-imports', message: expect.stringContaining('only types from bus') },
    ]);
  });
});

const env = 'export const url = process.env.DATABASE_URL;';
const core = 'libs/core/src/planted.ts';
const protocol = 'libs/protocol/src/planted.ts';

test.each<[what: string, file: string, code: string, rule: string]>([
  ['kafkajs beside the Kafka bus', 'libs/bus/src/planted.ts', uses('kafkajs'), 'no-restricted-imports'],
  ['kafkajs in the memory bus', 'libs/bus/src/memory/planted.ts', uses('kafkajs'), 'no-restricted-imports'],
  ['kafkajs in an app', 'apps/orchestrator/src/planted.ts', uses('kafkajs'), 'no-restricted-imports'],
  ['kafkajs in a test', 'test/e2e/planted.ts', uses('kafkajs'), 'no-restricted-imports'],
  ['kafkajs in the test kit', 'libs/testing/src/planted.ts', usesType('kafkajs'), 'no-restricted-imports'],
  ['typeorm in the engine', 'libs/engine/src/planted.ts', uses('typeorm'), 'no-restricted-imports'],
  ['typeorm beside the barrier', 'libs/worker/src/planted.ts', uses('typeorm'), 'no-restricted-imports'],
  [
    'typeorm in the orchestrator',
    'apps/orchestrator/src/planted.ts',
    uses('typeorm'),
    'no-restricted-imports',
  ],
  [
    '@nestjs/typeorm in the orchestrator',
    'apps/orchestrator/src/planted.ts',
    uses('@nestjs/typeorm'),
    'no-restricted-imports',
  ],
  [
    'an inner file of a library',
    'apps/orchestrator/src/planted.ts',
    uses('@counterstep/bus/dist/kafka.js'),
    'no-restricted-imports',
  ],
  [
    'an inner file of a library in a test',
    'test/e2e/planted.ts',
    uses('@counterstep/bus/src/x.js'),
    'no-restricted-imports',
  ],
  [
    'a path into another library',
    'libs/engine/src/planted.ts',
    uses('../../core/src/decide.js'),
    'no-restricted-imports',
  ],
  [
    'an app by a path',
    'apps/payment-worker/src/planted.ts',
    uses('../../orchestrator/src/main.js'),
    'no-restricted-imports',
  ],
  [
    'an app by its name',
    'apps/payment-worker/src/planted.ts',
    uses('@counterstep/orchestrator'),
    'no-restricted-imports',
  ],
  [
    'an app in a library',
    'libs/testing/src/planted.ts',
    uses('@counterstep/payment-worker'),
    'no-restricted-imports',
  ],
  [
    'an app in the bench',
    'bench/planted.ts',
    uses('../apps/orchestrator/src/main.js'),
    'no-restricted-imports',
  ],
  ['an app in an example', 'examples/planted.ts', uses('@counterstep/orchestrator'), 'no-restricted-imports'],
  ['a package in the step engine', 'libs/steps/src/planted.ts', uses('rxjs'), 'no-restricted-imports'],
  ['zod in the step engine', 'libs/steps/src/planted.ts', usesType('zod'), 'no-restricted-imports'],
  ['node in the step engine', 'libs/steps/src/planted.ts', uses('node:fs'), 'no-restricted-imports'],
  ['the environment in the step engine', 'libs/steps/src/planted.ts', env, 'no-restricted-syntax'],
  ['node in the core', core, uses('node:crypto'), 'no-restricted-imports'],
  ['node without its prefix in the protocol', protocol, uses('crypto'), 'no-restricted-imports'],
  ['Nest in the core', core, uses('@nestjs/common'), 'no-restricted-imports'],
  ['a foreign package in the protocol', protocol, uses('uuid'), 'no-restricted-imports'],
  ['async in the core', core, 'export async function run() {}', 'no-restricted-syntax'],
  ['an async method in the protocol', protocol, 'export class Run { async go() {} }', 'no-restricted-syntax'],
  ['an async arrow in the core', core, 'export const run = async () => {};', 'no-restricted-syntax'],
  ['await in the core', core, 'export const kept = await 1;', 'no-restricted-syntax'],
  ['an import() in the core', core, "export const kept = import('zod');", 'no-restricted-syntax'],
  ['the type Promise in the core', core, 'export type Run = () => Promise<void>;', 'no-restricted-syntax'],
  [
    'the value Promise in the core',
    core,
    'export const run = () => Promise.resolve();',
    'no-restricted-globals',
  ],
  ['Date.now in the core', core, 'export const now = () => Date.now();', 'no-restricted-syntax'],
  ['new Date() in the protocol', protocol, 'export const now = () => new Date();', 'no-restricted-syntax'],
  ['Date() in the core', core, 'export const now = () => Date();', 'no-restricted-syntax'],
  ['Math.random in the core', core, 'export const dice = () => Math.random();', 'no-restricted-syntax'],
  [
    'setTimeout in the core',
    core,
    'export const later = (f: () => void) => setTimeout(f, 1);',
    'no-restricted-globals',
  ],
  [
    'setImmediate in the core',
    core,
    'export const later = (f: () => void) => setImmediate(f);',
    'no-restricted-globals',
  ],
  [
    'queueMicrotask in the core',
    core,
    'export const later = (f: () => void) => queueMicrotask(f);',
    'no-restricted-globals',
  ],
  ['performance in the core', core, 'export const now = () => performance.now();', 'no-restricted-globals'],
  ['crypto in the core', core, 'export const id = () => crypto.randomUUID();', 'no-restricted-globals'],
  ['process in the core', core, 'export const kept = process.pid;', 'no-restricted-globals'],
  ['console in the protocol', protocol, "console.log('x');", 'no-restricted-globals'],
  ['console in the engine', 'libs/engine/src/planted.ts', "console.log('x');", 'no-console'],
  ['the environment in a library', 'libs/bus/src/planted.ts', env, 'no-restricted-syntax'],
  ['the environment in a spec of a library', 'libs/bus/src/planted.spec.ts', env, 'no-restricted-syntax'],
  ['the environment elsewhere in an app', 'apps/orchestrator/src/main.ts', env, 'no-restricted-syntax'],
  [
    'the environment by a string',
    'libs/bus/src/planted.ts',
    "export const all = process['env'];",
    'no-restricted-syntax',
  ],
  [
    'the environment by destructuring',
    'libs/bus/src/planted.ts',
    'export const { env } = process;',
    'no-restricted-syntax',
  ],
  ['the environment by an import', 'libs/bus/src/planted.ts', uses('node:process'), 'no-restricted-syntax'],
  ['export * in a library', 'libs/bus/src/planted.ts', "export * from './bus.js';", 'no-restricted-syntax'],
  [
    'a file of 401 lines',
    'libs/bus/src/planted.ts',
    `export const kept = 1;${'\n'.repeat(400)}// end`,
    'max-lines',
  ],
])('%s is reported', async (_what, file, code, rule) => {
  expect((await complaints(file, code)).map((complaint) => complaint.rule)).toContain(rule);
});

test('a cycle between two files of a library is reported', async () => {
  // decode.ts imports json.ts; the planted text closes the circle.
  expect(await readFile(join(root, 'libs/protocol/src/decode.ts'), 'utf8')).toContain("from './json.js'");
  const found = await complaints('libs/protocol/src/json.ts', uses('./decode.js'));
  expect(found).toEqual([{ rule: 'import-x/no-cycle', message: expect.stringContaining('cycle') }]);
});

test.each<[file: string, code: string]>([
  [protocol, uses('zod')],
  [
    core,
    `${uses('@counterstep/protocol')}\nexport const at = (iso: string): number => new Date(iso).getTime();`,
  ],
  [core, uses('@noble/hashes/sha2.js')],
  [
    'libs/core/src/planted.spec.ts',
    `import { x } from 'fast-check';\nexport const run = async (): Promise<void> => x(Date.now());`,
  ],
  [
    'libs/engine/src/planted.ts',
    `${uses('node:crypto')}\nexport const run = async (): Promise<number> => Promise.resolve(Date.now());`,
  ],
  ['libs/store/src/planted.ts', uses('typeorm')],
  ['libs/bus/src/kafka/planted.ts', uses('kafkajs')],
  ['libs/worker/src/barrier/planted.ts', uses('typeorm')],
  ['libs/steps/src/planted.ts', uses('./rollback.js')],
  ['libs/actions/src/planted.ts', uses('@counterstep/steps')],
  ['libs/worker/src/steps/planted.ts', uses('@counterstep/steps')],
  ['examples/planted.ts', uses('@counterstep/steps')],
  ['libs/testing/src/planted.ts', uses('@counterstep/store')],
  ['apps/payment-worker/src/planted.ts', uses('typeorm')],
  ['apps/payment-worker/src/config.ts', env],
  ['test/e2e/planted.ts', `${uses('../../libs/bus/src/kafka/producer.js')}\n${env}`],
  ['bench/planted.ts', `${uses('kafkajs')}\n${env}`],
])('%s passes when it keeps to its boundaries (%#)', async (file, code) => {
  expect(await complaints(file, code)).toEqual([]);
});
