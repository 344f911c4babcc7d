// Jest runs the TypeScript sources as ES modules; libraries are mapped to their sources, so no build is needed first.
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      module: { type: 'es6' },
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
    },
  ],
};

const project = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  moduleNameMapper: {
    '^@counterstep/(orchestrator|[a-z]+-worker)$': '<rootDir>/apps/$1/src/index.ts',
    '^@counterstep/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // Peers of the benchmark keep whole programs there.
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.cache/peers/'],
  ...more,
});

// Real servers, started once per run: see test/support/servers.ts.
const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

export default {
  // A test that hangs ends; one that is slow on a busy machine must not.
  testTimeout: 30_000,
  projects: [
    project('unit', [
      '<rootDir>/{libs,apps}/*/src/**/*.spec.ts',
      '<rootDir>/test/unit/**/*.spec.ts',
      '<rootDir>/examples/**/*.spec.ts',
      // The examples of docs/guides: see scripts/docs-examples.mjs.
      '<rootDir>/.cache/docs/*.spec.ts',
    ]),
    // Only where COUNTERSTEP_S3_URL names a server: see scripts/check.mjs.
    project('s3', ['<rootDir>/test/s3/**/*.spec.ts']),
    project('integration', ['<rootDir>/test/integration/**/*.spec.ts'], servers),
    project('e2e', ['<rootDir>/test/e2e/**/*.spec.ts'], servers),
  ],
};
