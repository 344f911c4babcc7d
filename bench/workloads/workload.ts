import type { Workflow } from '@counterstep/core';
import type { BarrierMode, SagaState } from '@counterstep/protocol';
import { compensationHandler, stepHandler } from '@counterstep/worker';
import type { Handler, StepContext } from '@counterstep/worker';
import { z } from 'zod';

/** What is measured: a workflow, and the worker that serves it. Both processes take it by its name. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly workflow: Workflow;
  /** Commands that one saga sends, retries left out. */
  readonly steps: number;
  /** Steps that begin with the saga, side by side; one unless it is set. The others begin one after another. */
  readonly together?: number;
  /** The state that its sagas are to end in. */
  readonly endsAs: SagaState;
  handlers(barrier: BarrierMode): Handler[];
}

/** What a saga is started with, and each of its steps gets: 256 bytes as JSON. */
export const PAYLOAD = { text: 'x'.repeat(245) };

export const UNDO = 'bench.undo';

/** Options of a step that is part of every workload: it cannot time out while the machine is full. */
export const step = { compensation: UNDO, attemptTimeout: 60_000 };

const inputSchema = z.looseObject({ text: z.string() });
const outputSchema = z.number();

/** A handler that gives back how long the text is that it got, after `before`. */
export function action(
  barrier: BarrierMode,
  name: string,
  before: (context: StepContext) => unknown = () => undefined,
): Handler {
  const options = { input: inputSchema, output: outputSchema, barrier };
  return stepHandler(name, options, ({ text }, context) => {
    const pending = before(context);
    return pending instanceof Promise ? pending.then(() => text.length) : text.length;
  });
}

/** An undo that does nothing. */
export function undo(barrier: BarrierMode): Handler {
  return compensationHandler(UNDO, { barrier }, () => undefined);
}
