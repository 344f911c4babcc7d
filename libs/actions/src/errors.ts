import { StepsError } from '@counterstep/steps';

export type ActionErrorCode =
  | 'DUPLICATE_ACTION'
  | 'LEFT_BEHIND'
  | 'NO_CONTEXT'
  | 'NO_PORT'
  | 'NOTHING_TO_RUN'
  | 'PARAMS_INVALID'
  | 'STEPS_NOT_RUN'
  | 'UNKNOWN_ACTION'
  | 'UNKNOWN_FORMAT';

/** An action cannot be run as it is written or called, or could not take back what it did. The message says what to mend. */
export class ActionError extends StepsError<ActionErrorCode> {
  readonly retryable = false;
}
