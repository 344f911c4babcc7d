import { interventionsOf, isFinished } from '@counterstep/core';
import type { Intervention, SagaEvent } from '@counterstep/core';
import type { World } from './world.js';

/** More decisions than these about one saga help nobody. */
const PATIENCE = 50;

/**
 * Whoever is asked looks at what is there and decides: tries once more, else says what became of the effect. False when
 * nobody is asked, or what is asked is not for a person but for the author of the definition.
 */
export function personDecides(world: World): boolean {
  const [item] = interventionsOf(world.saga, world.setting.workflow);
  if (!item || item.code === 'DEFINITION_ERROR' || world.personsActs >= PATIENCE) return false;
  world.personsActs += 1;
  return world.apply(decisionOn(item, world)).kind === 'applied';
}

function decisionOn(item: Intervention, world: World): SagaEvent {
  const { step = '', direction = 'forward', verbs, hold } = item;
  const about = { type: 'intervene', step, direction } as const;
  if (hold) return { type: 'intervene', verb: 'release' };
  if (world.plan.person === 'undoes' && verbs.includes('undo')) return { ...about, verb: 'undo' };
  if (verbs.includes('retry') && !wasJustTried(world, step)) return { ...about, verb: 'retry' };
  const evidence = 'looked at it';
  const { saga, setting, ledger } = world;
  // An effect of a saga that is over or being undone is taken back by hand.
  if (direction === 'undo' || saga.state !== 'running') {
    ledger.takeBack(step, isFinished(saga));
    return { ...about, verb: 'resolve', evidence };
  }
  if (!verbs.includes('resolve')) return { ...about, verb: verbs.includes('undo') ? 'undo' : 'skip' };
  const isDone = ledger.stands(step);
  const output = setting.outputs.of(step, setting.workflow.step(step));
  if (isDone) return { ...about, verb: 'resolve', outcome: 'succeeded', output, evidence };
  return { ...about, verb: 'resolve', outcome: 'rejected', evidence };
}

/** What was said to be rejected, a person may try anew. */
function wasJustTried({ play }: World, step: string): boolean {
  const decisions = play.history.flatMap(({ facts }) =>
    facts.flatMap((fact) => (fact.type === 'intervened' && fact.step === step ? [fact.verb] : [])),
  );
  return decisions.at(-1) === 'retry';
}
