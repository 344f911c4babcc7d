/** What a `StepResult` is made of; everything has a default. */
export interface StepResultFields<R extends object = Record<string, unknown>> {
  /** Default true. */
  readonly success?: boolean;
  /** What the step tells the caller; default `{}`. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Why it failed, for people; default null. */
  readonly error?: string | null;
  /** What `rollback` must know to undo the step; default `{}`. */
  readonly rollbackData?: Partial<R>;
  /** The step found nothing to do: it counts as done, and is not rolled back. Default false. */
  readonly skipped?: boolean;
  /** When the step ended; default now. */
  readonly timestamp?: Date;
}

/** The outcome of one step. `R` is the type of its rollback data. */
export class StepResult<R extends object = Record<string, unknown>> {
  readonly success: boolean;
  readonly data: Readonly<Record<string, unknown>>;
  readonly error: string | null;
  readonly rollbackData: Readonly<Partial<R>>;
  readonly skipped: boolean;
  readonly timestamp: Date;

  constructor({
    success = true,
    data = {},
    error = null,
    rollbackData = {},
    skipped = false,
    timestamp = new Date(),
  }: StepResultFields<R> = {}) {
    this.success = success;
    this.data = data;
    this.error = error;
    this.rollbackData = rollbackData;
    this.skipped = skipped;
    this.timestamp = timestamp;
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const FIELDS: Readonly<Record<keyof StepResult, (value: unknown) => boolean>> = {
  success: (value) => typeof value === 'boolean',
  data: isObject,
  error: (value) => typeof value === 'string' || value === null,
  rollbackData: isObject,
  skipped: (value) => typeof value === 'boolean',
  timestamp: (value) => value instanceof Date,
};

/** Whether it has the form of a StepResult. The form counts, not the class: there may be two copies of this library. */
export function isStepResult(value: unknown): value is StepResult {
  if (!isObject(value)) return false;
  return Object.entries(FIELDS).every(([field, fits]) => fits((value as Record<string, unknown>)[field]));
}

/** What a value is, in few words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return isObject(value) ? 'an object' : `a ${typeof value}`;
}
