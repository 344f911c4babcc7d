/** A wrong version of a rule: the text of one source file, changed in one place. */
export interface SeededBug {
  readonly name: string;
  /** Under `libs`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
  /** The shapes in which it shows, by how their names begin; all when not given. */
  readonly shapes?: string;
  /** The spec that catches it, where the explorer cannot: it is about what no walk does, or no ledger shows. */
  readonly spec?: string;
}

const DECIDE = 'core/src/decide.ts';
const REPLIES = 'core/src/replies.ts';
const UNDO = 'core/src/undo.ts';
const ADVANCE = 'core/src/advance.ts';
const OPERATOR = 'core/src/operator.ts';
const COURSE = 'core/src/course.ts';
const BARRIER = 'core/src/barrier-rules.ts';

/** Planted to see that the copy passes its checks: what catches this would catch anything. */
export const NO_BUG: SeededBug = {
  name: 'no bug',
  file: UNDO,
  find: 'export function undoAll(',
  put: 'export function undoAll(',
};

export const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: 'undo in the order of the definition',
    shapes: 'sequence: transaction, transaction',
    file: UNDO,
    find: '.sort((a, b) => b - a)',
    put: '.sort((a, b) => a - b)',
  },
  {
    name: 'what is unknown is not undone',
    file: UNDO,
    find: "outcome !== undefined && outcome !== 'rejected'",
    put: "outcome !== undefined && outcome !== 'rejected' && outcome !== 'unknown'",
  },
  {
    name: 'what failed is not undone',
    file: UNDO,
    find: "outcome !== undefined && outcome !== 'rejected'",
    put: "outcome !== undefined && outcome !== 'rejected' && outcome !== 'failed'",
  },
  {
    name: 'what was rejected is undone',
    file: UNDO,
    find: "outcome !== undefined && outcome !== 'rejected'",
    put: 'outcome !== undefined',
  },
  {
    name: 'what is out is not waited for before the undo',
    file: UNDO,
    find: "if (inside.some((step) => step.forward?.status === 'running')) return false;",
    put: '',
  },
  {
    name: 'a late success is undone again, though its undo was real',
    file: UNDO,
    find: "return again === 'always' || (again === 'ifNoop' && noop === true);",
    put: 'return again !== undefined;',
  },
  {
    name: 'a late success is not undone again, though its undo found nothing',
    shapes: 'sequence: external, 2 attempts',
    file: UNDO,
    find: "return again === 'always' || (again === 'ifNoop' && noop === true);",
    put: "return again === 'always' && noop === true;",
  },
  {
    name: 'a stale deadline is obeyed',
    file: REPLIES,
    find: "attempts?.status === 'running' && attempts.run === event.run && attempts.attempt === attempt;",
    put: "attempts?.status === 'running' && attempts.run === event.run;",
  },
  {
    name: 'a late success is dropped once the undo was sent',
    file: REPLIES,
    find: "if (attempts.outcome === 'succeeded' || progress.skipped) return settledBefore;",
    put: "if (attempts.outcome === 'succeeded' || progress.skipped || progress.undo) return settledBefore;",
  },
  {
    name: 'only the present attempt may answer',
    file: REPLIES,
    find: '(!isDefinite && isOlder)',
    put: 'isOlder',
  },
  {
    name: 'a failure of an earlier attempt ends the present one',
    file: REPLIES,
    find: '(!isDefinite && isOlder) || ',
    put: '',
  },
  {
    name: 'a rejection after an unknown is believed',
    file: REPLIES,
    find: "const isDoubtful = uncertain && step.barrier !== 'transaction';",
    put: 'const isDoubtful = uncertain && step.barrier === undefined && step.readOnly;',
    // The barrier itself tells no such rejection in mode external, and in mode none there is no ledger.
    spec: 'libs/core/src/decide-replies.spec.ts',
  },
  {
    name: 'news after the end are dropped',
    shapes: 'sequence: external, 2 attempts',
    file: REPLIES,
    find: 'if (stands && !isUndone && !isMeant) {',
    put: 'if (stands && !isUndone && !isMeant && saga.gaveUp) {',
  },
  {
    name: 'counters leak from forward to undo',
    file: 'core/src/transition.ts',
    find: 'const made = attempts.attempt - (attempts.spent ?? 0);',
    put: "const made = attempts.attempt + (direction === 'undo' ? (this.progress(step.name)?.forward?.attempt ?? 1) - 1 : 0);",
  },
  {
    name: 'a retry goes out under a new effect key',
    file: DECIDE,
    find: 'transition.send(step, direction, attempts.run, attempts.attempt + 1);',
    put: 'transition.send(step, direction, attempts.run + 1, 1);',
  },
  {
    name: 'a retry is not in the messages that history gives',
    file: 'core/src/effects.ts',
    find: "if (fact.type === 'command') commands = appended(",
    put: "if (fact.type === 'command' && fact.attempt < 2) commands = appended(",
  },
  {
    name: 'losers are not undone',
    shapes: 'first of two',
    file: ADVANCE,
    find: "settle(transition, path, how === 'undo')",
    put: "settle(transition, path, how !== 'undo' && how !== 'keep')",
  },
  {
    name: 'the saga completes before its losers are settled',
    shapes: 'first of two',
    file: ADVANCE,
    find: "else if (course === 'done' && allSettled)",
    put: "else if (course === 'done' && (allSettled || course === 'done'))",
  },
  {
    name: 'a paused saga goes on',
    file: ADVANCE,
    find: 'if (transition.saga.paused || isFinished(transition.saga)) return;',
    put: 'if (isFinished(transition.saga)) return;',
    // Nobody pauses a saga that is walked.
    spec: 'libs/core/src/decide-waits.spec.ts',
  },
  {
    name: 'cancel past the pivot',
    shapes: 'pivot',
    file: OPERATOR,
    find: "if (pivot === 'past')\n    return refused(",
    put: "if (pivot === 'past' && saga.paused)\n    return refused(",
  },
  {
    name: 'cancel does not wait for the pivot',
    shapes: 'pivot',
    file: OPERATOR,
    find: "if (pivot === 'out') {",
    put: "if (pivot === 'out' && saga.paused) {",
  },
  {
    name: 'a pivot without an answer is taken for a rejected one',
    shapes: 'pivot',
    file: COURSE,
    find: "return forward.outcome === 'rejected' ? 'before' : 'out';",
    put: "return forward.outcome !== 'succeeded' ? 'before' : 'out';",
  },
  {
    name: 'what a group does not wait for is forgotten',
    shapes: 'group that does not wait',
    file: 'core/src/evolve.ts',
    find: "if (unawaited) {\n    attempts.outcome = 'unknown';",
    put: "if (unawaited) {\n    attempts.outcome = 'rejected';",
  },
  {
    name: 'a person who gives up an undo is not heard',
    file: 'core/src/evolve.ts',
    find: 'withoutAgain(draft, path);\n      draft.editAttempts(',
    put: 'draft.editAttempts(',
  },
  {
    name: 'delays without jitter',
    file: 'core/src/retry.ts',
    find: "policy.jitter === 'full' ? ceiling * random : ceiling",
    put: "policy.jitter === 'full' ? ceiling : ceiling * random",
  },
  {
    name: 'no tombstone: what comes after its undo runs',
    file: 'core/src/barrier-rows.ts',
    find: '...(!forward && { forward: TOMBSTONE })',
    put: '',
  },
  {
    name: 'a duplicate runs again',
    file: BARRIER,
    find: 'if (row.answer !== null) return { run: false, answer: row.answer };\n  if (row.state',
    put: 'if (row.state',
  },
  {
    name: 'an undo of what has started and not ended does nothing',
    file: BARRIER,
    find: "return forward.state === 'rejected' ?",
    put: "return forward.state === 'rejected' || forward.state === 'started' ?",
  },
  {
    name: 'an effect that ends after its undo began is not told as late',
    shapes: 'sequence: external, 2 attempts',
    file: BARRIER,
    find: 'if (row.undoBegan) answer.late = true;',
    put: '',
  },
  {
    name: 'a rejection beside another execution is told as a promise',
    file: BARRIER,
    find: 'if (row.executions === 1) return',
    put: 'if (row.executions > 0) return',
  },
];
