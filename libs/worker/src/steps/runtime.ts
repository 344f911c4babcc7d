import type { FileClient, RuntimeContext } from '@counterstep/steps';
import type { StepContext } from '../context.js';

/** The world of a step that a worker hosts. What it tells goes to the orchestrator. */
export interface HostedRuntime extends RuntimeContext {
  readonly sagaId: string;
  /** The same for every execution of the step in its saga: the idempotency key for what it calls. A rollback has its own. */
  readonly effectKey: string;
  /** The n-th sending of the command, from 1. */
  readonly attempt: number;
  /**
   * Tells that the step lives, which gives it its whole `timeout` again; `setProgress` does so too. With `rollbackData` the
   * promise resolves when the broker has them: from then on `rollback` gets them, also if the step is never heard of again.
   * Rejects as `heartbeat` of a handler does.
   */
  heartbeat(rollbackData?: object): Promise<void>;
}

/** What steps need of a handler's context: they have no transaction. Every runtime of sagas has it. */
export type HostContext = Omit<StepContext, 'tx'>;

/** What of the world is the same for all steps of a worker. */
export interface HostedWorld {
  readonly env: RuntimeContext['env'];
  readonly client: FileClient;
}

/** The runtime of one execution of the step of that name. */
export function runtimeOf(step: string, handler: HostContext, world: HostedWorld): HostedRuntime {
  // The context names the step, which is how its worker knows the step anyway, by its path in the saga.
  const told = (category: string | undefined) => (category === step ? undefined : category);
  return {
    ...world,
    sagaId: handler.sagaId,
    effectKey: handler.effectKey,
    attempt: handler.attempt,
    heartbeat: (rollbackData) => handler.heartbeat(rollbackData),
    log: (event, data, file) => handler.log(event, data, file),
    setProgress: (current, total, category) => {
      handler.setProgress(current, total, told(category));
      void handler.heartbeat();
    },
    setMetrics: (values, category) => handler.setMetrics(values, told(category)),
  };
}

const refuse = async (): Promise<never> => {
  throw new Error('These steps have no file client: pass `client` to toWorkflow.');
};
export const NO_CLIENT: FileClient = { uploadFile: refuse, deleteFile: refuse };
