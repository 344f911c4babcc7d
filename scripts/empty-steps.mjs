// Whether the tests of libs/actions would notice a built-in step that does nothing: `node scripts/empty-steps.mjs [part of a path]`.
// In a copy of the sources, the `execute` or `rollback` of one step at a time is emptied, and the tests run. One line per
// method; the exit code is 1 when one of them was not missed. A method that a class does not define is not counted.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import ts from 'typescript';

const LIMIT_MS = 180_000;
const NOTHING = {
  execute: '{ return new NothingDone(); }',
  rollback: '{}',
};
const IMPORT = "import { StepResult as NothingDone } from '@counterstep/steps';\n";

const root = join(import.meta.dirname, '..');
const only = process.argv[2] ?? '';
const copy = mkdtempSync(join(tmpdir(), 'counterstep-empty-steps-'));
process.once('SIGINT', () => process.exit(130));
process.once('exit', () => rmSync(copy, { recursive: true, force: true }));

copySources();
if (!testsPass()) {
  console.log('the tests fail already, with nothing emptied');
  process.exit(1);
}
const methods = stepMethods().filter(({ file }) => file.includes(only));
let missed = 0;
for (const method of methods) {
  const caught = !withEmptied(method, testsPass);
  if (!caught) missed += 1;
  console.log(`${caught ? 'caught' : 'NOT caught'}: ${method.step}.${method.name}  ${method.file}`);
}
console.log(`${methods.length - missed} of ${methods.length} caught`);
process.exitCode = missed > 0 || methods.length === 0 ? 1 : 0;

function copySources() {
  const built = new Set(['dist', 'node_modules']);
  const filter = (path) => !built.has(basename(path));
  for (const part of ['libs', 'test/support', 'package.json', 'jest.config.js', 'tsconfig.base.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true, filter });
  }
  const holders = ['', ...readdirSync(join(root, 'libs')).map((lib) => join('libs', lib))];
  for (const packages of holders.map((holder) => join(holder, 'node_modules'))) {
    if (existsSync(join(root, packages))) symlinkSync(join(root, packages), join(copy, packages));
  }
}

/** Every `execute` and `rollback` with a body, of classes whose name ends in Step. */
function stepMethods() {
  const files = readdirSync(join(copy, 'libs/actions/src'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => join('libs/actions/src', file));
  return files.sort().flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(join(copy, file), 'utf8'), ts.ScriptTarget.ESNext);
    const classes = source.statements.filter(
      (node) => ts.isClassDeclaration(node) && node.name?.text.endsWith('Step'),
    );
    return classes.flatMap(({ name, members }) =>
      members
        .filter(
          (member) => ts.isMethodDeclaration(member) && member.body && member.name.getText(source) in NOTHING,
        )
        .map((member) => ({
          file,
          step: name.text,
          name: member.name.getText(source),
          from: member.body.getStart(source),
          to: member.body.getEnd(),
        })),
    );
  });
}

function withEmptied({ file, name, from, to }, work) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, IMPORT + text.slice(0, from) + NOTHING[name] + text.slice(to));
  try {
    return work();
  } finally {
    writeFileSync(path, text);
  }
}

/** Tests that hang have noticed too. */
function testsPass() {
  const jest = join(copy, 'node_modules/jest/bin/jest.js');
  const args = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', jest, '--rootDir', copy];
  const { status } = spawnSync(
    process.execPath,
    [...args, '--selectProjects', 'unit', '--bail', 'libs/actions/'],
    {
      cwd: copy,
      stdio: 'ignore',
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    },
  );
  return status === 0;
}
