import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { boundaries } from './eslint.boundaries.js';

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.cache/', '.counterstep/', 'coverage/'] },
  js.configs.recommended,
  {
    languageOptions: { globals: globals.node },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.js', '.mjs'],
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      // Cycles between libraries are impossible by the table of boundaries; this finds those within one.
      'import-x/no-cycle': 'error',
    },
  },
  // The life of a batch, from top to bottom.
  { files: ['libs/engine/src/lane.ts'], rules: { 'max-lines': ['error', 200] } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: './test/tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers in messages are meant.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Nest's modules are classes that carry only a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // A memory implementation of a port is async because the port is.
      '@typescript-eslint/require-await': 'off',
      // Structural types are meant.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // It cannot see that a flag changes while one awaits.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Ports are often object literals made of closures, whose functions need no `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['{libs,apps}/**/*.ts'], ignores: ['apps/cli/**'], rules: { 'no-console': 'error' } },
  {
    files: ['**/*.spec.ts'],
    rules: {
      // Jest's matchers are typed `any`, and are awaited only when they are promises.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  boundaries,
);
