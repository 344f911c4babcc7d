import { isFinished, placesOf, standingEffects } from '@counterstep/core';
import type { Saga, Stage, Step } from '@counterstep/core';
import { stands } from './ledger.js';
import type { Effect } from './ledger.js';
import type { World } from './world.js';

/** What a run showed to be wrong. `step` is a path, absent where it is the whole saga. */
export interface Finding {
  readonly code: ProblemCode;
  readonly step?: string;
  readonly sentence: string;
  readonly mend: string;
}

export type ProblemCode =
  | 'DOES_NOT_COMPLETE'
  | 'NOT_REACHED'
  | 'DEFINITION_ERROR'
  | 'HANGS'
  | 'EFFECT_LEFT'
  | 'EFFECT_MISSING'
  | 'EFFECT_TWICE'
  | 'UNDO_HELPLESS'
  | 'UNDO_WITHOUT_EFFECT'
  | 'UNDO_ORDER';

const OURS = 'the workflow is not to blame, Counterstep is: report it with this history';
const NO_BARRIER = "give the step a barrier: 'transaction' or 'external'";

/** Compares what the saga says with what truly happened. */
export function findingsOf(world: World): Finding[] {
  const stuck = endOf(world);
  if (stuck) return [stuck];
  const effects = world.ledger.effects.filter(({ path }) => !stepAt(world, path).readOnly);
  return [
    ...effects.flatMap((effect) => countsOf(effect, world)),
    ...leftStanding(effects, world),
    ...missing(world),
    ...helpless(world),
    ...disorder(effects, world.saga),
  ];
}

/** Why the run did not come to its end. */
function endOf({ saga, hung }: World): Finding | undefined {
  const item = saga.attention.find(({ code }) => code === 'DEFINITION_ERROR');
  if (item)
    return {
      code: 'DEFINITION_ERROR',
      ...(item.step !== undefined && { step: item.step }),
      sentence: item.message,
      mend: 'mend the function; or, if only the sample it was given is wrong, give `outputs` or `input`',
    };
  if (hung === undefined && isFinished(saga)) return undefined;
  return {
    code: 'HANGS',
    sentence: `the saga does not end: ${hung ?? 'a person is asked in vain'}`,
    mend: OURS,
  };
}

function countsOf({ path, done, undone, mode }: Effect, world: World): Finding[] {
  const mend = mode === 'none' ? NO_BARRIER : OURS;
  const findings: Finding[] = [];
  if (done > 1)
    findings.push({
      code: 'EFFECT_TWICE',
      step: path,
      sentence: `the effect of ${path} happened ${times(done)} under one effect key`,
      mend,
    });
  if (undone > done)
    findings.push({
      code: 'UNDO_WITHOUT_EFFECT',
      step: path,
      sentence: `${stepAt(world, path).compensation ?? path} took the effect of ${path} back ${times(undone)}, which happened ${times(done)}`,
      mend,
    });
  return findings;
}

function leftStanding(effects: readonly Effect[], world: World): Finding[] {
  const { saga } = world;
  const told = standingEffects(saga, world.setting.workflow);
  const left = effects.filter((effect) => stands(effect) && !mayStay(saga, effect.path));
  return [...new Set(left.map(({ path }) => path))].map((path) => {
    const { compensation } = stepAt(world, path);
    const how =
      saga.state === 'completed'
        ? 'though the saga went on without it'
        : `though the saga ended ${saga.state}`;
    const known = told.includes(path) ? 'the saga lists it under notUndone' : 'the saga does not know of it';
    const why = compensation === undefined ? 'it has no compensation, and ' : '';
    const mode = effects.find((effect) => effect.path === path)?.mode;
    return {
      code: 'EFFECT_LEFT' as const,
      step: path,
      sentence: `the effect of ${path} still stands ${how}: ${why}${known}`,
      mend:
        compensation === undefined
          ? 'name a compensation, mark it readOnly, or place it after a pivot as retriable'
          : mode === 'none'
            ? NO_BARRIER
            : OURS,
    };
  });
}

/** In a saga that completed, what was not given up is to stay. */
function mayStay(saga: Saga, path: string): boolean {
  if (saga.state !== 'completed') return false;
  const how = lostBy(saga, path);
  return how === undefined || how === 'keep';
}

function missing({ saga, ledger, setting }: World): Finding[] {
  if (saga.state !== 'completed') return [];
  return Object.values(saga.steps)
    .filter(
      (step) =>
        step.forward?.outcome === 'succeeded' && !step.skipped && lostBy(saga, step.path) === undefined,
    )
    .filter((step) => !ledger.stands(step.path) && !setting.workflow.step(step.path).readOnly)
    .map(({ path }) => ({
      code: 'EFFECT_MISSING' as const,
      step: path,
      sentence: `the saga completed, but the effect of ${path} does not stand`,
      mend: OURS,
    }));
}

function helpless(world: World): Finding[] {
  return [...world.helplessUndos].map(([path, { worker, forwardOutcome = 'unknown' }]) => ({
    code: 'UNDO_HELPLESS' as const,
    step: path,
    sentence: `${worker} needs the output of ${path}, which ended ${forwardOutcome} and gave none`,
    mend: 'let the undo find the effect by its effect key or input, or report undo data by heartbeat',
  }));
}

function lostBy({ steps }: Saga, path: string): 'undo' | 'keep' | undefined {
  const lost = prefixesOf(path).map((prefix) => steps[prefix]?.lost);
  return lost.includes('undo') ? 'undo' : lost.find((how) => how !== undefined);
}

/** What the saga went on without is undone for itself, beside all that came after it. */
function isOnePart({ steps }: Saga, path: string, other: string): boolean {
  return prefixesOf(path)
    .filter((prefix) => steps[prefix]?.lost !== undefined)
    .every((prefix) => other.startsWith(`${prefix}/`));
}

/** `a/b/c`: `a`, `a/b`, `a/b/c`. */
function prefixesOf(path: string): string[] {
  const segments = path.split('/');
  return segments.map((_, level) => segments.slice(0, level + 1).join('/'));
}

/** Effects that were taken back while one that came to depend on them still stood, and was taken back later. */
function disorder(effects: readonly Effect[], saga: Saga): Finding[] {
  return effects.flatMap((early) =>
    effects
      .filter(
        (late) =>
          isAfter(saga, late.path, early.path) &&
          isOnePart(saga, early.path, late.path) &&
          // Without a barrier effects come when they like, and that is told by itself.
          late.mode !== 'none' &&
          late.doneAt > 0 &&
          late.doneAt < early.undoneAt &&
          late.undoneAt > early.undoneAt &&
          late.undoneAt !== Infinity &&
          // One that happened only after its own undo had been tried was not there to be waited for.
          late.triedAt > late.doneAt,
      )
      .map((late) => ({
        code: 'UNDO_ORDER' as const,
        step: early.path,
        sentence: `${early.path} was undone before ${late.path}, which came after it`,
        mend: OURS,
      })),
  );
}

/** Whether the step began after the other was done, by their places in the definition. */
function isAfter({ steps }: Saga, path: string, other: string): boolean {
  const [a, b] = [path.split('/'), other.split('/')];
  const level = a.findIndex((segment, index) => segment !== b[index]);
  const index = (stage: Stage | undefined): number => stage?.[level] ?? 0;
  return level !== -1 && index(steps[path]?.stage) > index(steps[other]?.stage);
}

function stepAt({ setting: { workflow } }: World, path: string): Step {
  const member = placesOf(workflow, path)?.at(-1)?.member;
  if (member?.kind !== 'step') throw new Error(`${path} is no step`);
  return member;
}

function times(count: number): string {
  if (count === 0) return 'never';
  return ['', 'once', 'twice'][count] ?? `${count} times`;
}
