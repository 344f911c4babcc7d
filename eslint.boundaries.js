// The import boundaries, as one table. ESLint lets a later block for a rule replace an earlier one, so the blocks are
// built here, one whole block per folder, and not added up over several.

/**
 * folder: the libraries of ours that it may import. A name with `:types` may be imported by `import type` only.
 * apps: it may import apps, by their names.
 * packages: when given, the only packages from outside that it may import.
 */
const FOLDERS = [
  { files: 'libs/protocol/src', libs: [], packages: ['zod'], pure: true },
  { files: 'libs/core/src', libs: ['protocol'], packages: ['zod', '@noble/hashes'], pure: true },
  { files: 'libs/engine/src', libs: ['core', 'protocol', 'bus:types'] },
  { files: 'libs/store/src', libs: ['engine', 'core', 'protocol'], typeorm: true },
  { files: 'libs/bus/src', libs: ['protocol'] },
  { files: 'libs/bus/src/kafka', libs: ['protocol'], kafkajs: true },
  { files: 'libs/worker/src', libs: ['protocol', 'core', 'bus:types'] },
  { files: 'libs/worker/src/barrier', libs: ['protocol', 'core', 'bus:types'], typeorm: true },
  // Hosts steps in a worker; the rest of the SDK knows nothing of them.
  { files: 'libs/worker/src/steps', libs: ['protocol', 'core', 'bus:types', 'steps'] },
  { files: 'libs/steps/src', libs: [], packages: [] },
  { files: 'libs/actions/src', libs: ['steps'] },
  { files: 'libs/testing/src', libs: 'any' },
  { files: 'apps/orchestrator/src', libs: 'any' },
  { files: 'apps/cli/src', libs: 'any' },
  { files: 'apps/console/src', libs: 'any' },
  { files: 'apps/*-worker/src', libs: 'any', typeorm: true },
  { files: 'examples', libs: 'any' },
  // The launcher of `npm start` puts the apps together in one process.
  { files: 'embedded/src', libs: 'any', apps: true },
  // Tests hand TypeORM to the barrier, as users do.
  { files: 'test', libs: 'any', apps: true, harness: true, typeorm: true },
  { files: 'bench', libs: 'any', harness: true, kafkajs: true },
];

const LIBS = ['protocol', 'core', 'engine', 'store', 'bus', 'worker', 'steps', 'actions', 'testing'];
const APPS = ['orchestrator', 'inventory-worker', 'payment-worker', 'shipping-worker'];

/** A spec may use any library, and the clock; the rules about kafkajs, typeorm and the environment stay. */
function specs(folder) {
  return {
    files: [`${folder.files}/**/*.spec.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: importRules({ ...folder, libs: 'any', packages: undefined, pure: false }) },
      ],
      'no-restricted-globals': 'off',
      'no-restricted-syntax': ['error', ...EVERYWHERE, ...NO_ENV],
    },
  };
}

/** The one file of an app that reads the environment. */
function configFile(folder) {
  if (!folder.files.startsWith('apps/')) return [];
  const rules = { 'no-restricted-syntax': ['error', ...EVERYWHERE] };
  return [{ files: [`${folder.files}/config.ts`], rules }];
}

function importRules({ files, libs, apps, packages, typeorm, kafkajs, harness }) {
  const own = libs === 'any' ? LIBS : libs.filter((lib) => !lib.endsWith(':types'));
  const may = apps ? [...own, ...APPS] : own;
  const types =
    libs === 'any' ? [] : libs.filter((lib) => lib.endsWith(':types')).map((lib) => lib.split(':')[0]);
  const list = [...may, ...types].join(', ') || 'no library of ours';
  const rules = [
    {
      regex: '^@counterstep/[^/]+/.+',
      message: 'Import a library by its name only; what its index does not list is its own business.',
    },
    {
      regex: `^@counterstep/(?!(${[...may, ...types].join('|') || '-'})(/|$))`,
      message: `${files} may import: ${list}.`,
    },
  ];
  for (const lib of types) {
    rules.push({
      regex: `^@counterstep/${lib}$`,
      allowTypeImports: true,
      message: `${files} may import only types from ${lib}.`,
    });
  }
  if (packages) {
    const outside = packages.map((name) => `${name}(/|$)`).join('|') || '-$';
    rules.push({
      regex: `^(?!\\.|@counterstep/|${outside})`,
      message: `${files} may import from outside: ${packages.join(', ') || 'nothing'}.`,
    });
  }
  if (!kafkajs) {
    const message = 'kafkajs stays behind the port Bus: only libs/bus/src/kafka and bench import it.';
    rules.push({ regex: '^kafkajs(/|$)', message });
  }
  if (!typeorm) {
    const message = 'TypeORM stays in libs/store, the barrier of libs/worker and the sample workers.';
    rules.push({ regex: '^(typeorm|@nestjs/typeorm)(/|$)', message });
  }
  if (!harness) {
    rules.push({
      regex: '^\\.{1,2}/(.*/)?(src|libs|apps|dist|test|bench)/',
      message:
        'A relative path must not leave the package: import another library by its name, and an app never.',
    });
  }
  rules.push({ regex: '(^|/)apps/', message: 'Nobody imports an app: start it as a process.' });
  return rules;
}

const NO_ENV = [
  {
    selector:
      'MemberExpression[object.name="process"][property.name="env"], MemberExpression[object.name="process"][property.value="env"]',
    message: 'The environment is read in one file per app, config.ts.',
  },
  {
    selector: 'VariableDeclarator[init.name="process"] > ObjectPattern > Property[key.name="env"]',
    message: 'The environment is read in one file per app, config.ts.',
  },
  {
    selector: 'ImportDeclaration[source.value=/^(node:)?process$/]',
    message: 'Use the global `process`, so that the rule about the environment sees it.',
  },
];

const EVERYWHERE = [{ selector: 'ExportAllDeclaration', message: 'List the exported names.' }];

const noAsync = 'Decisions are synchronous: I/O belongs to the engine.';
const noClock = 'No clock here: time comes in as an argument.';
const noRandom = 'No randomness here: random numbers and ids come in as arguments.';

const PURE = [
  { selector: ':function[async=true]', message: noAsync },
  { selector: 'AwaitExpression', message: noAsync },
  { selector: 'ForOfStatement[await=true]', message: noAsync },
  { selector: 'ImportExpression', message: noAsync },
  { selector: 'TSTypeReference[typeName.name=/^Promise(Like)?$/]', message: noAsync },
  { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: noClock },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: noClock },
  { selector: 'CallExpression[callee.name="Date"]', message: noClock },
  { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: noRandom },
];

const IMPURE_GLOBALS = [
  { name: 'Promise', message: noAsync },
  { name: 'fetch', message: noAsync },
  { name: 'queueMicrotask', message: noAsync },
  { name: 'setTimeout', message: noClock },
  { name: 'setInterval', message: noClock },
  { name: 'setImmediate', message: noClock },
  { name: 'performance', message: noClock },
  { name: 'crypto', message: noRandom },
  { name: 'process', message: 'No process here: what differs between processes comes in as an argument.' },
  { name: 'console', message: 'No output here: return a value, and the caller logs it.' },
  { name: 'globalThis', message: 'It would be a way around the other rules.' },
];

export const boundaries = FOLDERS.flatMap((folder) => [
  {
    files: [`${folder.files}/**/*.{ts,js,mjs}`],
    rules: {
      'no-restricted-imports': ['error', { patterns: importRules(folder) }],
      'no-restricted-globals': ['error', ...(folder.pure ? IMPURE_GLOBALS : [])],
      'no-restricted-syntax': [
        'error',
        ...EVERYWHERE,
        ...(folder.harness ? [] : NO_ENV),
        ...(folder.pure ? PURE : []),
      ],
    },
  },
  ...(folder.harness ? [] : [specs(folder), ...configFile(folder)]),
]);
