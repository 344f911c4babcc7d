import type { Direction, UndoInput } from '@counterstep/protocol';
import { appended } from './appended.js';
import type { CommandEffect, Effects, NoticeEffect } from './events.js';
import type { Fact, HistoryRecord, Saga, StepProgress } from './saga.js';
import type { Step, Workflow } from './workflow.js';

/**
 * What a record asks the world to do, `saga` being the fold up to and with it. `decide` uses it, and so does whoever
 * sends a dead orchestrator's messages again from history: both give the same messages.
 */
export function effectsOf(workflow: Workflow, saga: Saga, record: HistoryRecord): Effects {
  let commands: CommandEffect[] = [];
  const notices: NoticeEffect[] = [];
  let stateChanged = false;
  for (const fact of record.facts) {
    if (fact.type === 'command') commands = appended(commands, commandOf(workflow, saga, fact));
    // A start that was put off becomes public when its first item is entered.
    else if (fact.type === 'entered') stateChanged ||= record.seq > 1 && isFirst(fact);
    else if (PUBLIC.has(fact.type)) stateChanged = true;
    if (fact.type === 'lost' || fact.type === 'turned' || fact.type === 'terminated')
      notices.push(...noticesOf(workflow, saga, fact));
  }
  return { commands, notices, stateChanged };
}

const PUBLIC: ReadonlySet<Fact['type']> = new Set([
  'started',
  'turned',
  'attention',
  'intervened',
  'paused',
  'resumed',
  'overdue',
  'finished',
]);

function isFirst({ stage, step }: Extract<Fact, { type: 'entered' }>): boolean {
  return stage.length === 1 && stage[0] === 0 && !step.includes('/');
}

/** Who runs the step in that direction. */
export function workerOf(step: Step, direction: Direction): string {
  return direction === 'undo' ? (step.compensation ?? step.worker) : step.worker;
}

function commandOf(
  workflow: Workflow,
  saga: Saga,
  { step: path, direction, run, attempt, timeout }: Extract<Fact, { type: 'command' }>,
): CommandEffect {
  const step = workflow.step(path);
  const progress = saga.steps[path];
  return {
    step: path,
    queue: step.queue,
    worker: workerOf(step, direction),
    direction,
    run,
    attempt,
    timeout,
    data: direction === 'undo' ? undoInputOf(saga, progress) : progress?.input,
  };
}

function undoInputOf({ cause }: Saga, progress: StepProgress | undefined): UndoInput {
  return {
    input: progress?.undoInput ?? progress?.input,
    ...(progress?.output !== undefined && { output: progress.output }),
    ...(progress?.undoData !== undefined && { undoData: progress.undoData }),
    outcome: progress?.forward?.outcome ?? 'unknown',
    ...(cause && { cause: { code: cause.code, message: cause.message } }),
  };
}

/** Handlers that are at work for nothing are told: those under a part that was lost, or the whole saga's. */
function noticesOf(
  workflow: Workflow,
  saga: Saga,
  fact: Extract<Fact, { type: 'lost' | 'turned' | 'terminated' }>,
): NoticeEffect[] {
  // Who ends a saga by force may lack its definition; a notice is only advice.
  if (workflow.digest !== saga.workflow.digest) return [];
  // What it does is wanted all the same.
  if (fact.type === 'lost' && fact.keep) return [];
  const under = fact.type === 'lost' ? fact.step : '';
  const reason = fact.type === 'lost' ? 'superseded' : 'cancelled';
  const notices: NoticeEffect[] = [];
  for (const { path, forward } of Object.values(saga.steps)) {
    if (under !== '' && path !== under && !path.startsWith(`${under}/`)) continue;
    // One that is not awaited any more is out all the same.
    const isOut =
      forward?.status === 'running' || (forward?.status === 'ended' && forward.outcome === 'unknown');
    if (isOut) notices.push({ step: path, queue: workflow.step(path).queue, run: forward.run, reason });
  }
  return notices;
}
