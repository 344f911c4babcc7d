import { ValidationError, reasonOf } from './errors.js';
import { kindOf, type StepResult } from './result.js';

/** Where files of a run are kept. */
export interface FileClient {
  /** Resolves with the id under which the file is stored. */
  uploadFile(path: string): Promise<string | number>;
  deleteFile(id: string | number): Promise<void>;
}

/** The world of a run, as its steps see it. An application brings its own; `ConsoleRuntimeContext` is one for scripts. */
export interface RuntimeContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly client: FileClient;
  log(event: string, data: Readonly<Record<string, unknown>>, file?: string): void;
  /** `current` of `total`, in any unit; the category tells several bars apart. */
  setProgress(current: number, total: number, category?: string): void;
  setMetrics(values: Readonly<Record<string, unknown>>, category?: string): void;
}

/** What the steps of one run share. Extend it by the fields of your operation. */
export class BaseStepContext {
  /** The result of every step so far, in order, those that were skipped or failed included. */
  readonly stepResults: StepResult[] = [];
  /** What went wrong and did not end the run, for people: rollbacks that failed, and what steps add. */
  readonly errors: string[] = [];
  /** The step that is being executed or rolled back; null when nothing runs. The orchestrator sets it. */
  currentStep: string | null = null;

  constructor(readonly runtimeCtx: RuntimeContext) {}

  log(event: string, data: Readonly<Record<string, unknown>> = {}, file?: string): void {
    this.runtimeCtx.log(event, data, file);
  }

  /** `current` of `total`, in any unit. The category is the current step's name unless one is given. */
  setProgress(current: number, total: number, category?: string): void {
    this.runtimeCtx.setProgress(current, total, category ?? this.currentStep ?? undefined);
  }

  /** The category is the current step's name unless one is given. */
  setMetrics(values: Readonly<Record<string, unknown>>, category?: string): void {
    this.runtimeCtx.setMetrics(values, category ?? this.currentStep ?? undefined);
  }
}

/** Refuses what steps cannot share. Callers without types may pass anything. */
export function checkContext(context: unknown): void {
  const { stepResults, errors, currentStep } = (context ?? {}) as Partial<Record<string, unknown>>;
  const isPlace = currentStep === null || typeof currentStep === 'string';
  if (Array.isArray(stepResults) && Array.isArray(errors) && isPlace) return;
  throw new ValidationError(
    'NOT_A_CONTEXT',
    `${kindOf(context)} is no context: extend BaseStepContext, and pass an instance.`,
  );
}

/** Where the run is. A step may have frozen the context: that must not keep others from being undone. */
export function moveTo(context: BaseStepContext, step: string | null): void {
  Reflect.set(context, 'currentStep', step);
}

/** Adds a line for people. A step may have spoilt the list: that must not keep others from being undone. */
export function noteError(context: BaseStepContext, line: string): void {
  try {
    context.errors.push(line);
  } catch {
    // The run's own error says it too.
  }
}

/** Logs what the engine itself has to tell. A logger that fails must not undo what steps did, so it only leaves a word in `errors`. */
export function note(context: BaseStepContext, event: string, data: Readonly<Record<string, unknown>>): void {
  try {
    context.log(event, data);
  } catch (thrown) {
    noteError(context, `Logging '${event}' failed: ${reasonOf(thrown)}`);
  }
}
