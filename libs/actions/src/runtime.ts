import type { RuntimeContext } from '@counterstep/steps';
import type { DataBackend } from './backend/data-backend.js';
import { ActionError } from './errors.js';
import type { Storage } from './storage.js';
import type { ModelLoader } from './tasks/model.js';

/** The world of an action: that of its steps, and the ports that the built-in actions need, each only where it is used. */
export interface ActionRuntime extends RuntimeContext {
  readonly storage?: Storage;
  readonly backend?: DataBackend;
  readonly models?: ModelLoader;
}

type Ports = Required<Omit<ActionRuntime, keyof RuntimeContext>>;

/**
 * The port of a runtime.
 * @throws ActionError `NO_PORT` when the runtime has none.
 */
export function portOf<Name extends keyof Ports>(runtime: ActionRuntime, name: Name): Ports[Name] {
  return present<Ports[Name]>(name, (runtime as Partial<Ports>)[name]);
}

type BackendParts = Required<DataBackend>;

/**
 * The part of the data backend for one kind of action.
 * @throws ActionError `NO_PORT` when the runtime has no backend, or that lacks the part.
 */
export function backendOf<Part extends keyof BackendParts>(
  runtime: ActionRuntime,
  part: Part,
): BackendParts[Part] {
  return present<BackendParts[Part]>(`backend.${part}`, (runtime.backend as Partial<BackendParts>)?.[part]);
}

function present<T>(name: string, port: T | undefined): T {
  if (port) return port;
  throw new ActionError('NO_PORT', `This action needs a runtime with '${name}': pass one to runAction.`);
}
