import type { Decision, Fact, Saga, SagaEvent, Verb } from '@counterstep/core';

/** One event, and what the rules made of it. */
export interface Happening {
  readonly event: SagaEvent;
  readonly before: Saga | undefined;
  readonly decided: Decision;
}

type Test = (happening: Happening) => boolean;
type FactOf<Type extends Fact['type']> = Extract<Fact, { readonly type: Type }>;

/** What the random sagas must meet: a comparison that never came to one of these would prove nothing about it. */
const INTERESTING: Readonly<Record<string, Test>> = {
  'a saga completed': ended('completed'),
  'a saga failed': ended('failed'),
  'a saga compensated': ended('compensated'),
  'a saga cancelled': ended('cancelled'),
  'a saga cancelled before it began': (seen) => seen.before?.state === 'pending' && ended('cancelled')(seen),
  'a start that was put off': fact('started', ({ startAt }) => startAt !== undefined),
  'a step that was passed over': fact('entered', ({ taken }) => !taken),

  'an attempt without an answer': fact('timedOut'),
  'a command that nobody picked up': fact('timedOut', ({ error }) => error.code === 'NOT_PICKED_UP'),
  'a retry': fact('command', ({ attempt, direction }) => attempt > 1 && direction === 'forward'),
  'a retry of an undo': fact('command', ({ attempt, direction }) => attempt > 1 && direction === 'undo'),
  'a retry that the deadline of the step forbids': (seen) =>
    seen.event.type === 'timer' && fact('gaveUp', ({ direction }) => direction === 'forward')(seen),
  'a result that breaks its schema': (seen) =>
    said(seen, 'succeeded') && fact('replied', ({ outcome }) => outcome === 'failed')(seen),
  'a rejection that is not believed': (seen) =>
    said(seen, 'rejected') && fact('replied', ({ outcome }) => outcome === 'unknown')(seen),
  'an answer of an earlier attempt': (seen) =>
    fact('replied', ({ step, attempt }) => attempt < (seen.before?.steps[step]?.forward?.attempt ?? 0))(seen),
  'a sign of life with undo data': fact('heartbeat'),
  'an answer while paused': (seen) => isPaused(seen) && fact('replied')(seen),
  'a deadline while paused': (seen) => isPaused(seen) && isIgnored(seen, 'deadline'),

  'a late success': fact('lateSuccess'),
  'a late success after its undo was sent': (seen) =>
    fact('lateSuccess', ({ step }) => seen.before?.steps[step]?.undo?.status === 'running')(seen),
  'a late success after its undo': (seen) =>
    fact('lateSuccess', ({ step }) => seen.before?.steps[step]?.undo?.status === 'ended')(seen),
  'a late rejection': fact('lateRejection'),
  'a late word after the end': fact('lateReply'),
  'an effect that may stand after the end': asked('LATE_EFFECT'),
  'a late answer that is no news': (seen) => isIgnored(seen, 'reply'),
  'a late command that was refused': ({ event, decided }) =>
    event.type === 'reply' && event.refused === true && decided.kind === 'ignored',

  'an unknown outcome undone': undoOf('unknown'),
  'a failed outcome undone': undoOf('failed'),
  'a success undone': undoOf('succeeded'),
  'an undo that found nothing': fact('replied', ({ noop }) => noop === true),
  'an undo that was sent again under another key': fact(
    'command',
    ({ direction, run }) => direction === 'undo' && run > 1,
  ),
  'an undo that is stuck': asked('COMPENSATION_FAILED'),
  'an undo beside the forward path': (seen) =>
    seen.before?.direction === 'forward' &&
    !fact('turned')(seen) &&
    fact('command', ({ direction }) => direction === 'undo')(seen),
  'several undos at the same time': ({ decided }) =>
    decided.kind === 'applied' &&
    decided.effects.commands.filter(({ direction }) => direction === 'undo').length > 1,

  'a group that went on without a member': fact('lost', ({ keep }) => !keep),
  'a group that kept what a loser did': fact('lost', ({ keep }) => keep === true),
  'a group that did not wait when it failed': fact('gaveUp', ({ unawaited }) => unawaited === true),
  'a map that went on without an item': fact('lost', ({ step }) => /\/\d+$/.test(step)),
  'a map over no list': refusedPart('MAP_NOT_A_LIST'),
  'a map over too long a list': refusedPart('MAP_TOO_LONG'),
  'what several wrote made one': fact('joined', ({ patch }) => Object.keys(patch).length > 0),
  'a signal taken': fact('concluded', ({ signalId }) => signalId !== undefined),
  'a signal that came early': (seen) =>
    !fact('signalled')(seen) && fact('concluded', ({ signalId }) => signalId !== undefined)(seen),
  'an approval that was denied': refusedPart('NOT_APPROVED'),
  'a signal that did not come': refusedPart('SIGNAL_TIMEOUT'),
  'a signal that came twice': (seen) => isIgnored(seen, 'signal'),
  'code of the definition that threw': fact('stalled'),
  'code of the definition that is given up': asked('DEFINITION_ERROR'),

  'the deadline of a saga': fact('turned', ({ cause }) => cause?.code === 'DEADLINE'),
  'the deadline of a saga past its pivot': fact('overdue'),
  'a cancel with a command in flight': (seen) => seen.event.type === 'cancel' && isOut(seen),
  'a cancel that changes nothing': (seen) => isIgnored(seen, 'cancel'),
  'a cancel while the pivot is out': fact('cancelRequested', ({ waits }) => waits !== undefined),
  'a cancel that came too late for the pivot': fact('cancelDropped'),
  'a cancel that waited for the pivot': (seen) =>
    seen.before?.cancelWanted !== undefined && fact('turned', ({ aim }) => aim === 'cancelled')(seen),
  'a termination': fact('terminated'),
  'a pivot of which nobody knows': asked('PIVOT_UNCERTAIN'),
  'a step past the pivot that failed': asked('RETRIABLE_FAILED'),
  'a failure of a saga that holds': asked('STEP_FAILED'),
  'a saga that is held': fact('attention', ({ hold }) => hold === true),

  'a retry by a person': verb('retry', 'forward'),
  'a retry by a person, with another input': fact('intervened', (told) => told.input !== undefined),
  'a retry of an undo by a person': verb('retry', 'undo'),
  'a step passed over by a person': verb('skip', 'forward'),
  'a step resolved by a person': verb('resolve', 'forward'),
  'an undo resolved by a person': verb('resolve', 'undo'),
  'a saga turned by a person': verb('undo', 'forward'),
  'a step given up by a person': verb('giveUp', 'forward'),
  'an undo given up by a person': verb('giveUp', 'undo'),
  'a hold released by a person': fact('intervened', (told) => told.verb === 'release'),
};

const REFUSALS = [
  'AMBIGUOUS',
  'EVIDENCE_MISSING',
  'INPUT_FIXED',
  'NOTHING_WAITS',
  'NOT_ALLOWED',
  'PAST_PIVOT',
  'QUARANTINED',
  'SAGA_CLOSED',
  'SAGA_PAUSED',
  'SAGA_TURNED',
  'SIGNAL_INVALID',
  'UNKNOWN_SIGNAL',
];

/** Counts them. */
export class Meetings {
  private readonly counts = new Map(
    [...Object.keys(INTERESTING), ...REFUSALS.map(nameOfRefusal)].map((name) => [name, 0]),
  );

  note(happening: Happening): void {
    const { decided } = happening;
    if (decided.kind === 'refused') this.count(nameOfRefusal(decided.code));
    for (const [name, test] of Object.entries(INTERESTING)) if (test(happening)) this.count(name);
  }

  /** The rarest first. */
  get all(): [string, number][] {
    return [...this.counts].sort(([, a], [, b]) => a - b);
  }

  private count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

function nameOfRefusal(code: string): string {
  return `a request refused with ${code}`;
}

function fact<Type extends Fact['type']>(
  type: Type,
  test: (fact: FactOf<Type>) => boolean = () => true,
): Test {
  return ({ decided }) =>
    decided.kind === 'applied' &&
    decided.record.facts.some((each) => each.type === type && test(each as FactOf<Type>));
}

function ended(state: Saga['state']): Test {
  return fact('finished', (end) => end.state === state);
}

function asked(code: string): Test {
  return fact('attention', (item) => item.code === code);
}

function refusedPart(code: string): Test {
  return fact('concluded', ({ error }) => error?.code === code);
}

function verb(name: Verb, direction: 'forward' | 'undo'): Test {
  return fact('intervened', (told) => told.verb === name && told.direction === direction);
}

function undoOf(outcome: string): Test {
  return ({ decided }) =>
    decided.kind === 'applied' &&
    decided.effects.commands.some(
      ({ direction, data }) => direction === 'undo' && (data as { outcome?: string }).outcome === outcome,
    );
}

function said({ event }: Happening, outcome: string): boolean {
  return event.type === 'reply' && event.outcome === outcome;
}

function isPaused({ before }: Happening): boolean {
  return before?.paused === true;
}

function isIgnored({ event, decided }: Happening, type: SagaEvent['type']): boolean {
  return event.type === type && decided.kind === 'ignored';
}

function isOut({ before }: Happening): boolean {
  return Object.values(before?.steps ?? {}).some(({ forward }) => forward?.status === 'running');
}
