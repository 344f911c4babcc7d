/**
 * The conformance suites are made of Jest's functions. The rest of this package serves any test runner, and outside of
 * Jest `@jest/globals` refuses to be imported: so it is asked for, not demanded.
 */
const jest = await import('@jest/globals').catch(() => undefined);

const refuse = (): never => {
  throw new Error('the conformance suites run under Jest only');
};
/** Matchers such as `expect.any(Number)` are made when a suite is loaded, which must not fail. */
const absent: unknown = new Proxy(refuse, { get: () => () => undefined });

type Globals = typeof import('@jest/globals');
const needed = <Name extends keyof Globals>(name: Name): Globals[Name] =>
  jest ? jest[name] : (absent as Globals[Name]);

export const afterAll: Globals['afterAll'] = needed('afterAll');
export const afterEach: Globals['afterEach'] = needed('afterEach');
export const beforeAll: Globals['beforeAll'] = needed('beforeAll');
export const beforeEach: Globals['beforeEach'] = needed('beforeEach');
export const describe: Globals['describe'] = needed('describe');
export const expect: Globals['expect'] = needed('expect');
export const test: Globals['test'] = needed('test');
