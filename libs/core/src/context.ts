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
  return {
    input,
    results,
    get: (key: string) => (Object.hasOwn(results, key) ? results[key] : ownField(input, key)),
  };
}

function ownField(from: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(from, key) ? from[key] : undefined;
}
