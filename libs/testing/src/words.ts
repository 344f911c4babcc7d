import type { Direction, ErrorFacts } from '@counterstep/protocol';
import type { Fact, HistoryRecord, Workflow } from '@counterstep/core';

/* What happened, for people. */

/** The history as lines: when, counted from the start, and what. */
export function historyInWords(workflow: Workflow, history: readonly HistoryRecord[]): string[] {
  const begin = history[0]?.at ?? 0;
  return history.flatMap(({ at, facts }) =>
    factsInWords(workflow, facts).map((words) => timed(at - begin, words)),
  );
}

export function timed(after: number, words: string): string {
  return `${duration(after).padStart(8)}  ${words}`;
}

/** `250 ms`, `1.5 s`, `2 min`, `3 h`. */
export function duration(milliseconds: number): string {
  const short = (value: number): string => String(Math.round(value * 100) / 100);
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${short(milliseconds / 1_000)} s`;
  if (milliseconds < 3_600_000) return `${short(milliseconds / 60_000)} min`;
  return `${short(milliseconds / 3_600_000)} h`;
}

export function factsInWords(workflow: Workflow, facts: readonly Fact[]): string[] {
  return facts.flatMap((fact) => {
    const words = inWords(workflow, fact);
    return words === undefined ? [] : [words];
  });
}

/** `charge`, or `the undo of charge`. */
export function deed(path: string, direction: Direction): string {
  return direction === 'undo' ? `the undo of ${path}` : path;
}

function inWords(workflow: Workflow, fact: Fact): string | undefined {
  switch (fact.type) {
    case 'started':
      return fact.startAt === undefined ? 'the saga starts' : 'the saga is to start later';
    case 'entered':
      return entered(fact);
    case 'command':
      return command(workflow, fact);
    case 'replied': {
      const note = fact.noop ? ', as there was nothing to undo' : '';
      return `${deed(fact.step, fact.direction)} ${ended(fact.outcome, fact.error)}${note}`;
    }
    case 'timedOut':
      return `${deed(fact.step, fact.direction)} got no answer in time (attempt ${fact.attempt})`;
    case 'retryPlanned':
      return `${deed(fact.step, fact.direction)} is tried again in ${duration(fact.delay)}`;
    case 'heartbeat':
      return `${deed(fact.step, fact.direction)} is at work, and told what its undo needs`;
    case 'lateSuccess':
      return `${fact.step} succeeded after all${fact.again ? ', after its undo was sent' : ''}`;
    case 'lateRejection':
      return `${fact.step} was rejected after all: ${reason(fact.error)}`;
    case 'lateReply':
      return `${deed(fact.step, fact.direction)} ${ended(fact.outcome, fact.error)} after the saga had ended`;
    case 'gaveUp':
      return fact.unawaited
        ? `${fact.step} is not waited for any more`
        : `${deed(fact.step, fact.direction)} is given up`;
    case 'lost':
      return `the saga goes on without ${fact.step}${fact.keep ? ', and keeps what it does' : ''}`;
    case 'concluded':
      return `${fact.step} ${ended(fact.outcome, fact.error)}`;
    case 'joined':
      return `what the branches wrote is joined: ${Object.keys(fact.patch).join(', ')}`;
    case 'stalled':
      return `${fact.step} stalls: ${fact.error.message}`;
    case 'turned':
      return `the saga is undone${fact.cause ? `: ${reason(fact.cause)}` : ''}`;
    case 'attention':
      return `a person is asked: ${fact.code}: ${fact.message}`;
    case 'cancelRequested':
      return `it is to be cancelled${fact.waits ? ', which waits for the pivot' : ''}`;
    case 'cancelDropped':
      return 'it is not cancelled, as the pivot is done';
    case 'overdue':
      return 'its deadline passed, when it could not be undone any more';
    case 'paused':
      return 'it is paused';
    case 'resumed':
      return 'it is resumed';
    case 'terminated':
      return `it is terminated; what stands: ${fact.standing.join(', ') || 'nothing'}`;
    case 'signalled':
      return `signal ${fact.name} came`;
    case 'intervened':
      return `a person decides: ${fact.verb}${fact.step === undefined ? '' : ` ${deed(fact.step, fact.direction ?? 'forward')}`}`;
    case 'finished':
      return `the saga ends ${fact.state}`;
  }
}

function entered({
  step,
  taken,
  kind,
  items,
  signal,
  until,
}: Extract<Fact, { type: 'entered' }>): string | undefined {
  if (!taken) return `${step} is passed over, its condition being false`;
  if (kind === 'map') return `${step} goes over ${items?.length ?? 0} items`;
  if (kind === 'signal') return `${step} waits for signal ${signal ?? ''}`;
  if (kind === 'sleep') return `${step} sleeps until ${new Date(until ?? 0).toISOString()}`;
  return kind === 'workflow' ? `${step} begins` : undefined;
}

function command(workflow: Workflow, fact: Extract<Fact, { type: 'command' }>): string {
  const { worker, compensation } = workflow.step(fact.step);
  const which = `${fact.run > 1 ? `, run ${fact.run}` : ''}${fact.attempt > 1 ? `, attempt ${fact.attempt}` : ''}`;
  const to = fact.direction === 'undo' ? (compensation ?? worker) : worker;
  return `${to} is sent for ${deed(fact.step, fact.direction)}${which}`;
}

function ended(outcome: string, error: ErrorFacts | undefined): string {
  const verb = outcome === 'rejected' ? 'was rejected' : outcome === 'unknown' ? 'ended unknown' : outcome;
  return error ? `${verb}: ${reason(error)}` : verb;
}

function reason({ code, message }: ErrorFacts): string {
  return message === '' || message === code ? code : `${code}: ${message}`;
}
