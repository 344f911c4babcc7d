import { dueAt, inOrder } from '@counterstep/core';
import type { Attempts, Saga } from '@counterstep/core';
import { allParts, isBusy, isQuarantined, isStep } from './rules/state.js';
import type { Model, Part, Side } from './rules/state.js';

/** What both must agree on after every event. Lines of text, so that a difference can be read. */
export type View = readonly string[];

export function viewOfSaga(saga: Saga): View {
  return [
    `state ${saga.state}, ${saga.direction}, aim ${saga.aim}`,
    `paused ${saga.paused}, cancel wanted ${saga.cancelWanted !== undefined}, due ${dueAt(saga)}`,
    ...saga.attention.map(({ code, step, direction }) => `attention ${code} ${step} ${direction}`).sort(),
    ...(saga.stalls ?? []).map(({ step, tries, dueAt: due }) => `stall ${step} ${tries} ${due}`).sort(),
    `kept ${(saga.signals ?? []).map(({ id }) => id).join()}`,
    ...inOrder(saga)
      .map((step) => {
        const marks = [
          step.taken ? 'taken' : 'passed over',
          step.skipped && 'skipped',
          step.lost && `lost ${step.lost}`,
          step.outcome,
          step.until !== undefined && `until ${step.until}`,
          step.undo?.noop && 'noop',
        ];
        return `${step.path}: ${marks.filter(Boolean).join(', ')}; ${attempts(step.forward)}; ${attempts(step.undo)}; ${canonical(step.output ?? null)}`;
      })
      .sort(),
  ];
}

function attempts(of: Attempts | undefined): string {
  if (!of) return '-';
  const { run, attempt, status, dueAt: due, outcome } = of;
  const isOver = status === 'ended' || status === 'stuck';
  return `${run}.${attempt} ${status} ${isOver ? outcome : due}`;
}

export function viewOfModel(model: Model): View {
  return [
    `state ${stateOf(model)}, ${model.direction}, aim ${model.aim}`,
    `paused ${model.paused}, cancel wanted ${model.cancelWanted}, due ${dueOf(model)}`,
    ...model.troubles.map(({ code, path, way }) => `attention ${code} ${path} ${way}`).sort(),
    ...model.stalls.map(({ path, tries, due }) => `stall ${path} ${tries} ${due}`).sort(),
    `kept ${model.kept.map(({ id }) => id).join()}`,
    ...allParts(model)
      .map((part) => {
        const marks = [
          part.taken ? 'taken' : 'passed over',
          part.skipped && 'skipped',
          part.lost && `lost ${part.lost}`,
          part.said,
          part.until !== undefined && `until ${part.until}`,
          part.noop && 'noop',
        ];
        return `${part.path}: ${marks.filter(Boolean).join(', ')}; ${side(part.forward)}; ${side(part.undo)}; ${canonical(part.output ?? null)}`;
      })
      .sort(),
  ];
}

function side(of: Side): string {
  const last = of.sendings.at(-1);
  if (!last) return '-';
  const status = { idle: 'idle', out: 'running', waiting: 'waiting', stuck: 'stuck', over: 'ended' }[of.now];
  return `${last.run}.${last.attempt} ${status} ${isBusy(of) ? of.due : of.word}`;
}

function stateOf(model: Model): string {
  return model.finished ?? (model.root.parts.length > 0 ? 'running' : 'pending');
}

function dueOf(model: Model): number | undefined {
  if (model.finished || model.paused || isQuarantined(model)) return undefined;
  const times = [model.deadline, ...model.stalls.map(({ due }) => due), ...allParts(model).flatMap(duesOf)];
  if (!model.begun) times.push(model.startAt);
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function duesOf(part: Part): (number | undefined)[] {
  const sides = isStep(part) ? [part.forward, part.undo].filter(isBusy) : [];
  return [part.until, ...sides.map(({ due }) => due)];
}

/** With sorted keys. The cause, which every undo carries, is the history's business. */
export function canonical(data: unknown, without?: string): string {
  return JSON.stringify(data, (key, value: unknown) => {
    if (key !== '' && key === without) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
