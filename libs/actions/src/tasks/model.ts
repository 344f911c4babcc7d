import type { AnnotationData } from './task-backend.js';

/** What makes predictions. */
export interface Model {
  readonly name: string;
  /** One prediction for each input, in their order. Rejects when an input is not what the model needs. */
  predict(inputs: readonly unknown[], signal?: AbortSignal): Promise<readonly AnnotationData[]>;
  /** Frees what it holds. Called once, when no predictions are wanted any more. */
  close?(): Promise<void>;
}

/** Where models come from. */
export interface ModelLoader {
  /** Rejects when there is no such model, or it cannot be loaded. */
  load(name: string, signal?: AbortSignal): Promise<Model>;
}
