import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkflowBuilder } from '@counterstep/core';
import { BadWorkflowModules, loadModules } from '@counterstep/orchestrator';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'counterstep-workflows-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, text: string): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
};

const workflow = (name: string) =>
  `new WorkflowBuilder('${name}').addStep('charge', 'payments.charge', 'payments.refund').build()`;
const useCore = "import { WorkflowBuilder } from '@counterstep/core';\n";

const namesOf = async (...paths: string[]) => (await loadModules(paths)).workflows.map(({ name }) => name);

test('a folder gives the workflows of its modules: default, named and listed exports, each once', async () => {
  await write(
    'a.mjs',
    `${useCore}export const a = ${workflow('a')};\nexport default a;\nexport const other = 1;`,
  );
  await write('b.mjs', `${useCore}export default [${workflow('b1')}, ${workflow('b2')}];`);
  await write('notes.txt', 'not a module');
  expect(await namesOf(folder)).toEqual(['a', 'b1', 'b2']);
});

test('a module may export schedules, with workflows or alone', async () => {
  const nightly = "{ name: 'nightly', cron: '30 2 * * *', workflow: 'a' }";
  await write('a.mjs', `${useCore}export default ${workflow('a')};\nexport const nightly = ${nightly};`);
  await write('b.mjs', "export default [{ cron: 7 }, { name: 'hourly', cron: '0 * * * *', workflow: 'a' }];");
  const { workflows, schedules } = await loadModules([folder]);
  expect(workflows.map(({ name }) => name)).toEqual(['a']);
  // What is wrong with one is for the orchestrator to say.
  expect(schedules.map(({ name }) => name)).toEqual(['nightly', undefined, 'hourly']);
});

test('a workflow may come as data, without any code of its own', async () => {
  const described = (name: string): string =>
    JSON.stringify(new WorkflowBuilder(name).addStep('s', 'q.s').build());
  const named = await write('named.json', described('named'));
  await write('package.json', '{"type": "module"}');
  await write('upload.workflow.json', described('upload'));
  expect(await namesOf(folder)).toEqual(['upload']);
  expect(await namesOf(folder, named)).toEqual(['upload', 'named']);
});

test('data that is no workflow, was changed, or needs a function is named with its reason', async () => {
  const other = await write('other.json', '{"format": 2}');
  const workflow = new WorkflowBuilder('w').addStep('s', 'q.s').build().toJSON();
  const changed = await write('changed.json', JSON.stringify({ ...workflow, version: 2 }));
  const asks = new WorkflowBuilder('w').addConditionalStep('s', 'q.s', () => true).build();
  const functional = await write('functional.json', JSON.stringify(asks));
  const broken = await write('broken.json', '{');
  const failure: unknown = await loadModules([other, changed, functional, broken]).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    modules: [
      { file: other, reason: expect.stringContaining('format 1') },
      { file: changed, reason: expect.stringContaining('digest') },
      { file: functional, reason: expect.stringContaining("needs a function named 's.condition'") },
      { file: broken, reason: expect.stringContaining('SyntaxError') },
    ],
  });
});

test('a list may name single modules', async () => {
  const a = await write('a.mjs', `${useCore}export default ${workflow('a')};`);
  await write('b.mjs', `${useCore}export default ${workflow('b')};`);
  expect(await namesOf(a)).toEqual(['a']);
});

test('every bad module is named with its reason, a definition with all its problems', async () => {
  const bad = await write(
    'bad.mjs',
    `${useCore}export default new WorkflowBuilder('bad').addStep('', 'x').addStep('b', 'b.c', 'd.e').build();`,
  );
  const none = await write('none.mjs', 'export const answer = 42;');
  const throws = await write('throws.mjs', "throw new Error('no such luck');");
  const absent = join(folder, 'absent.mjs');
  const failure = await loadModules([folder, absent]).then(
    () => undefined,
    (error: unknown) => error as BadWorkflowModules,
  );
  expect(failure).toBeInstanceOf(BadWorkflowModules);
  expect(failure?.modules).toEqual([
    { file: bad, reason: expect.stringMatching(/BAD_NAME.*UNDO_ELSEWHERE/s) },
    { file: none, reason: expect.stringContaining('exports no workflow') },
    { file: throws, reason: 'Error: no such luck' },
    { file: absent, reason: expect.stringContaining('ENOENT') },
  ]);
  expect(failure?.message).toContain(`workflow module ${throws}: Error: no such luck`);
});

test('an empty folder is refused', async () => {
  await expect(loadModules([folder])).rejects.toThrow(`${folder}: the folder holds no`);
});
