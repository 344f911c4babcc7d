/** An invariant that does not hold. */
export class Violation extends Error {
  /** What was looked at, in words. */
  during?: string;

  constructor(
    readonly invariant: string,
    message: string,
  ) {
    super(`${invariant}: ${message}`);
    this.name = 'Violation';
  }
}

/** Runs `check`; what it finds broken is told with what was looked at. */
export function during<Value>(words: () => string, check: () => Value): Value {
  try {
    return check();
  } catch (error) {
    if (error instanceof Violation) error.during ??= words();
    throw error;
  }
}
