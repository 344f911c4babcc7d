import { isFinished } from './saga.js';
import type { Attempts, Saga, StepProgress } from './saga.js';
import { STATE_COLOURS } from './transitions.js';

/** How one part of the picture stands. */
export interface PartState {
  readonly style: string;
  readonly words: readonly string[];
}

/** How the parts of a saga stand, by path, `*` standing for any item of a map. */
export interface DiagramStates {
  /** What the last node says. */
  readonly end: string;
  readonly endStyle: string | undefined;
  forwardOf(path: string): PartState | undefined;
  undoOf(path: string): PartState | undefined;
}

const fill = (colour: string, more = ''): string => `fill:${colour},stroke:#374151,color:#111827${more}`;

/** Mermaid styles by the name of the class. */
export const DIAGRAM_STYLES: Readonly<Record<string, string>> = {
  pivot: 'stroke:#b45309,stroke-width:4px',
  undo: 'stroke-dasharray:4 4',
  stuck: fill(STATE_COLOURS.failed, ',stroke-width:4px'),
  failed: fill(STATE_COLOURS.failed),
  running: fill(STATE_COLOURS.running, ',stroke-width:3px'),
  waiting: fill(STATE_COLOURS.cancelled),
  undoing: fill(STATE_COLOURS.compensated, ',stroke-width:3px'),
  undone: fill(STATE_COLOURS.compensated),
  lost: fill(STATE_COLOURS.pending, ',stroke-dasharray:4 4'),
  done: fill(STATE_COLOURS.completed),
  skipped: fill('#ffffff', ',stroke-dasharray:2 2'),
};

/** Of several items the first that applies is shown. */
const BY_WEIGHT = Object.keys(DIAGRAM_STYLES);

export function statesOf(saga: Saga): DiagramStates {
  const byPattern = new Map<string, StepProgress[]>();
  for (const step of Object.values(saga.steps)) {
    const pattern = patternOf(saga, step.path);
    byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), step]);
  }
  const stateOf = (
    path: string,
    one: (step: StepProgress) => PartState | undefined,
  ): PartState | undefined => {
    const states = (byPattern.get(path) ?? []).map(one).filter((state) => state !== undefined);
    return path.includes('*') ? summary(states) : states[0];
  };
  return {
    end: isFinished(saga) ? saga.state : saga.paused ? `${saga.state}, paused` : saga.state,
    endStyle: isFinished(saga) ? STYLE_OF_END[saga.state] : undefined,
    forwardOf: (path) => stateOf(path, (step) => forwardState(saga, step)),
    undoOf: (path) => stateOf(path, ({ undo }) => undo && undoState(undo)),
  };
}

const STYLE_OF_END: Readonly<Partial<Record<Saga['state'], string>>> = {
  completed: 'done',
  failed: 'failed',
  compensated: 'undone',
  cancelled: 'undone',
};

/** The path with `*` for the number of an item. */
function patternOf(saga: Saga, path: string): string {
  const segments = path.split('/');
  return segments
    .map((segment, index) => (saga.steps[segments.slice(0, index).join('/')]?.kind === 'map' ? '*' : segment))
    .join('/');
}

/** Of the items of a map: how many are where. */
function summary(states: readonly PartState[]): PartState | undefined {
  const counts = new Map<string, number>();
  for (const { style } of states) counts.set(style, (counts.get(style) ?? 0) + 1);
  const styles = BY_WEIGHT.filter((style) => counts.has(style));
  const [style] = styles;
  if (style === undefined) return undefined;
  return { style, words: [styles.map((each) => `${counts.get(each) ?? 0} ${each}`).join(', ')] };
}

function forwardState(saga: Saga, step: StepProgress): PartState {
  if (!step.taken) return { style: 'skipped', words: ['not taken'] };
  if (step.skipped) return { style: 'skipped', words: ['skipped by a person'] };
  const asked = saga.attention.find(
    ({ step: path, direction }) => path === step.path && direction !== 'undo',
  );
  if (asked) return { style: 'stuck', words: [`waits for a person: ${asked.code}`] };
  const state = step.forward ? attemptsState(step.forward, 'running') : openState(saga, step);
  return step.lost ? { style: 'lost', words: [...state.words, 'lost'] } : state;
}

/** What has no worker. */
function openState(saga: Saga, { kind, outcome, error, until, items }: StepProgress): PartState {
  const size = items ? [`${items.length} ${items.length === 1 ? 'item' : 'items'}`] : [];
  if (outcome === 'succeeded') return { style: 'done', words: [...size, 'done'] };
  if (outcome === 'rejected')
    return { style: 'failed', words: [...size, `failed: ${error?.code ?? 'unknown'}`] };
  if (until !== undefined) return { style: 'waiting', words: [`until ${new Date(until).toISOString()}`] };
  if (kind === 'signal' || kind === 'sleep' || saga.direction === 'undo')
    return { style: 'lost', words: [...size, 'given up'] };
  return { style: 'running', words: [...size, 'running'] };
}

function undoState(undo: Attempts): PartState {
  const { style, words } = attemptsState(undo, 'undoing');
  return { style: style === 'done' ? 'undone' : style, words };
}

function attemptsState({ attempt, status, outcome, error }: Attempts, out: 'running' | 'undoing'): PartState {
  const code = error ? `: ${error.code}` : '';
  switch (status) {
    case 'running':
      return { style: out, words: [`attempt ${attempt}`] };
    case 'waiting':
      return { style: 'waiting', words: [`attempt ${attempt} ${outcome ?? 'failed'}${code}`] };
    case 'stuck':
      return { style: 'stuck', words: [`waits for a person after attempt ${attempt}${code}`] };
    case 'ended': {
      const tries = attempt === 1 ? '' : ` after ${attempt} attempts`;
      if (outcome === 'succeeded') return { style: 'done', words: [`succeeded${tries}`] };
      return { style: 'failed', words: [`${outcome ?? 'unknown'}${tries}${code}`] };
    }
  }
}
