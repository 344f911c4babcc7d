import type { Direction, UndoInput } from '@counterstep/protocol';
import type { CommandEffect, Effects } from './events.js';
import type { Fact, HistoryRecord, Saga } from './saga.js';
import type { Step, Workflow } from './workflow.js';

/**
 * What a record asks the world to do, `saga` being the fold up to and with it. `decide` uses it, and so does whoever
 * sends a dead orchestrator's messages again from history: both give the same messages.
 */
export function effectsOf(workflow: Workflow, saga: Saga, record: HistoryRecord): Effects {
  const commands: CommandEffect[] = [];
  // Of the timers only that of a put-off start enters steps: the saga was pending until now.
  let stateChanged = record.event === 'timer' && record.facts.some((fact) => fact.type === 'entered');
  for (const fact of record.facts) {
    if (fact.type === 'command') commands.push(commandOf(workflow, saga, fact));
    else if (PUBLIC.has(fact.type)) stateChanged = true;
  }
  return { commands, stateChanged };
}

const PUBLIC: ReadonlySet<Fact['type']> = new Set(['started', 'turned', 'attention', 'finished']);

/** Who runs the step in that direction. */
export function workerOf(step: Step, direction: Direction): string {
  return direction === 'undo' ? (step.compensation ?? step.worker) : step.worker;
}

function commandOf(workflow: Workflow, saga: Saga, fact: Extract<Fact, { type: 'command' }>): CommandEffect {
  const step = workflow.step(fact.step);
  const progress = saga.steps[fact.step];
  const isUndo = fact.direction === 'undo';
  const undo: UndoInput = {
    input: progress?.input,
    ...(progress?.output !== undefined && { output: progress.output }),
    ...(progress?.undoData !== undefined && { undoData: progress.undoData }),
    outcome: progress?.forward?.outcome ?? 'unknown',
    ...(saga.cause && { cause: { code: saga.cause.code, message: saga.cause.message } }),
  };
  return {
    step: step.name,
    queue: step.queue,
    worker: workerOf(step, fact.direction),
    direction: fact.direction,
    run: fact.run,
    attempt: fact.attempt,
    timeout: fact.timeout,
    data: isUndo ? undo : progress?.input,
  };
}
