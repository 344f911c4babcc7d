import type { SagaStatus, Workflow } from '@counterstep/core';
import type { InProcessHandler, SagaHandle } from '@counterstep/engine';
import type { BarrierMode } from '@counterstep/protocol';

/** A saga that is run in both runtimes by the same functions. */
export interface Scenario {
  readonly title: string;
  readonly workflow: Workflow;
  readonly input: object;
  /** Of the worker's handlers; in process there is one mode. */
  readonly barrier: BarrierMode;
  /** How it ends; at attention it stands still. */
  readonly ends: SagaStatus['state'] | 'attention';
  /** What its history must hold, so that it is about what its title says. */
  readonly shows: string;
  /** Steps run beside one another, so only what happens to each of them has an order. */
  readonly beside: boolean;
  /** Called for each runtime: handlers may remember. */
  readonly play: () => Play;
}

export interface Play {
  /** By the names that the workflow calls them by. */
  readonly handlers: Readonly<Record<string, InProcessHandler>>;
  /** What somebody outside does while it runs. */
  readonly meanwhile?: (saga: Outside) => Promise<void>;
  /** What a person does who is asked. */
  readonly decide?: (saga: Outside) => Promise<void>;
}

export type Outside = Pick<SagaHandle, 'status' | 'signal' | 'cancel' | 'intervene'>;

interface Told {
  readonly input?: object;
  readonly barrier?: BarrierMode;
  readonly beside?: boolean;
  readonly ends: Scenario['ends'];
  readonly shows: string;
}

/** `on` gives a handler of this scenario its name; `play` tells handlers by what is given to `on`. */
export function scenario(
  title: string,
  { input = {}, barrier = 'external', beside = false, ends, shows }: Told,
  build: (name: string, on: (handler: string) => string) => Workflow,
  play: () => Play,
): Scenario {
  const name = title.replaceAll(/[^a-z]+/g, '-');
  const on = (handler: string): string => `parity.${name}.${handler}`;
  return {
    title,
    input,
    barrier,
    beside,
    ends,
    shows,
    workflow: build(name, on),
    play: () => {
      const { handlers, ...rest } = play();
      const named = Object.entries(handlers).map(([key, handler]): [string, InProcessHandler] => [
        on(key),
        handler,
      ]);
      return { handlers: Object.fromEntries(named), ...rest };
    },
  };
}
