import { quantiles } from '../row.js';
import { warmUp } from '../warm-up.js';
import type { Figures, Load } from './peer.js';
import type { Program } from './program.js';
import type { Stack } from './stack.js';

const READY_SECONDS = 120;
const LOAD_SECONDS = 180;

interface Answer {
  readonly completed: number;
  readonly failures: readonly string[] | null;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/**
 * The measure of a peer whose load is a program that prints `ready` and then answers each `{inFlight, sagas}`: the
 * warm-up first, then the load, with what all processes of the stack used for the load alone.
 */
export async function closedLoop(stack: Stack, program: Program): Promise<(load: Load) => Promise<Figures>> {
  await program.line(READY_SECONDS);
  const answer = async (load: Load): Promise<Answer> => {
    program.send(load);
    return JSON.parse(await program.line(LOAD_SECONDS)) as Answer;
  };
  return async (load) => {
    await warmUp(load, answer);
    const { result, usage } = await stack.measure(() => answer(load));
    const { completed, failures, seconds, latenciesMs } = result;
    const failed = load.sagas - completed;
    return {
      ...usage,
      completed,
      seconds: Number(seconds.toFixed(3)),
      sagaMs: quantiles(latenciesMs),
      ...(failed > 0 && { notes: [`${failed} failed: ${(failures ?? []).join('; ')}`] }),
    };
  };
}
