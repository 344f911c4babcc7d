/**
 * What conditions and mappers read: the input, the results of the steps so far by name, and the fields that steps wrote,
 * under one roof; in a sub-workflow, its own. A step that has not run, or was passed over, has no result. Results and
 * written fields win over input fields of the same name.
 */
export interface WorkflowContext<Input = Record<string, unknown>, Results = Record<string, unknown>> {
  get<Key extends keyof Results & string>(key: Key): Results[Key];
  get<Key extends keyof Input & string>(key: Key): Input[Key];
  get(key: string): unknown;
  readonly input: Readonly<Input>;
  readonly results: Readonly<Partial<Results>>;
}

/** A context over plain data; also handy in a unit test of a condition. */
export function contextOf(
  input: Readonly<Record<string, unknown>>,
  results: Readonly<Record<string, unknown>> = {},
): WorkflowContext {
  return { input, results, get: (key: string) => valueIn(input, results, key) };
}

/** What a context is made of. */
export interface ContextData {
  readonly input: Readonly<Record<string, unknown>>;
  readonly results: Readonly<Record<string, unknown>>;
}

/** A context whose data is made when it is first read: not every function has a need of it. */
export function contextWhenRead(make: () => ContextData): WorkflowContext {
  let made: ContextData | undefined;
  const data = (): ContextData => (made ??= make());
  return {
    get input() {
      return data().input;
    },
    get results() {
      return data().results;
    },
    get: (key: string) => valueIn(data().input, data().results, key),
  };
}

function valueIn(
  input: Readonly<Record<string, unknown>>,
  results: Readonly<Record<string, unknown>>,
  key: string,
): unknown {
  if (Object.hasOwn(results, key)) return results[key];
  return Object.hasOwn(input, key) ? input[key] : undefined;
}
