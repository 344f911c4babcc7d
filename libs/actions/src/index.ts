export { BaseAction } from './base-action.js';
export { registerAction, runAction } from './run-action.js';
export type { ActionClass } from './run-action.js';
export { portOf } from './runtime.js';
export type { ActionRuntime } from './runtime.js';
export type { Storage, StoredFile } from './storage.js';
export { ActionError } from './errors.js';
export type { ActionErrorCode } from './errors.js';
