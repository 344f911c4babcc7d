/**
 * What a former step should have put into the context.
 * @throws Error that names the step, when it was removed from the registry and nothing did its work.
 */
export function needed<T>(value: T | null, step: string): T {
  if (value === null) throw new Error(`this step needs what '${step}' does`);
  return value;
}
