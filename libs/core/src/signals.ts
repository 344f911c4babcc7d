import type { Decision, SagaEvent } from './events.js';
import type { Saga } from './saga.js';
import type { Transition } from './transition.js';
import { membersOf } from './tree.js';
import type { Member, SignalWait, Workflow } from './workflow.js';

/** More are refused: a saga that nobody reads signals of must not grow without bound. */
const MOST_KEPT = 1_000;

/** The wait takes the oldest signal of its name that came before it, or was waited for. */
export function keptSignalFor(transition: Transition, wait: SignalWait, path: string): void {
  const kept = transition.saga.signals?.find(({ name }) => name === wait.signal);
  if (!kept) return;
  const { id: signalId, data } = kept;
  const said = parsed(wait, data);
  if (wait.approval && !isApproved(data)) {
    const reason = (data as { reason?: unknown } | null)?.reason;
    const message = typeof reason === 'string' ? reason : `${wait.signal} was not approved`;
    const error = { code: 'NOT_APPROVED', message: message.slice(0, 2_000) };
    transition.add({ type: 'concluded', step: path, outcome: 'rejected', error, signalId });
    return;
  }
  const output = said.ok && said.value !== undefined ? { output: said.value } : {};
  transition.add({ type: 'concluded', step: path, outcome: 'succeeded', ...output, signalId });
}

/** The time of a wait is over. */
export function endWait(transition: Transition, path: string): void {
  const wait = transition.workflow.member(path);
  if (wait.kind !== 'signal' || wait.onTimeout === 'continue') {
    transition.add({ type: 'concluded', step: path, outcome: 'succeeded' });
    return;
  }
  const message = `${wait.signal} did not come within ${wait.timeout} ms`;
  const error = { code: 'SIGNAL_TIMEOUT', message };
  transition.add({ type: 'concluded', step: path, outcome: 'rejected', error });
}

/** Why the signal cannot be taken; undefined when it can. */
export function refusalOf(
  workflow: Workflow,
  saga: Saga,
  { name, data }: Extract<SagaEvent, { type: 'signal' }>,
): Extract<Decision, { kind: 'refused' }> | undefined {
  const waits = waitsOf(workflow);
  const refused = (code: string, message: string, allowed?: string[]) =>
    ({ kind: 'refused', code, message, ...(allowed && { allowed }) }) as const;
  const names = [...new Set(waits.map(({ signal }) => signal))];
  if (!names.includes(name)) {
    const known = names.length > 0 ? `it waits for ${names.join(', ')}` : 'it waits for none';
    return refused('UNKNOWN_SIGNAL', `workflow ${workflow.name} knows no signal '${name}': ${known}`, names);
  }
  if (saga.direction === 'undo')
    return refused('SAGA_TURNED', 'the saga is being undone and takes no more signals');
  if ((saga.signals?.length ?? 0) >= MOST_KEPT)
    return refused('TOO_MANY_SIGNALS', `${MOST_KEPT} signals wait to be taken already`);
  for (const wait of waits.filter(({ signal }) => signal === name)) {
    const said = parsed(wait, data);
    if (!said.ok) return refused('SIGNAL_INVALID', `the data of signal '${name}': ${said.problem}`);
    if (wait.approval && typeof (data as { approved?: unknown } | null | undefined)?.approved !== 'boolean')
      return refused('SIGNAL_INVALID', `the data of signal '${name}' must say approved: true or false`);
  }
  return undefined;
}

/** Every wait of a definition, wherever it stands. */
export function waitsOf(workflow: Workflow): SignalWait[] {
  return workflow.items.flatMap(membersOf).flatMap(waitsIn);
}

function waitsIn(member: Member): SignalWait[] {
  if (member.kind === 'signal') return [member];
  if (member.kind === 'workflow') return waitsOf(member.workflow);
  return member.kind === 'map' ? waitsIn(member.body) : [];
}

function isApproved(data: unknown): boolean {
  return (data as { approved?: unknown } | null | undefined)?.approved === true;
}

function parsed(
  { output }: SignalWait,
  data: unknown,
): { ok: true; value: unknown } | { ok: false; problem: string } {
  if (!output) return { ok: true, value: data };
  try {
    const result = output.safeParse(data);
    if (result.success) return { ok: true, value: JSON.parse(JSON.stringify(result.data)) as unknown };
    const problem = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || '(data)'}: ${message}`,
    );
    return { ok: false, problem: problem.join('; ') };
  } catch {
    return { ok: false, problem: 'its schema could not be asked' };
  }
}
