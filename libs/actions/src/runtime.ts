import type { RuntimeContext } from '@counterstep/steps';
import { ActionError } from './errors.js';
import type { Storage } from './storage.js';

/** The world of an action: that of its steps, and the ports that the built-in actions need, each only where it is used. */
export interface ActionRuntime extends RuntimeContext {
  readonly storage?: Storage;
}

type Ports = Required<Omit<ActionRuntime, keyof RuntimeContext>>;

/**
 * The port of a runtime.
 * @throws ActionError `NO_PORT` when the runtime has none.
 */
export function portOf<Name extends keyof Ports>(runtime: ActionRuntime, name: Name): Ports[Name] {
  const port = (runtime as Partial<Ports>)[name];
  if (port) return port;
  throw new ActionError('NO_PORT', `This action needs a runtime with '${name}': pass one to runAction.`);
}
