import type { OutgoingMessage } from '@counterstep/bus';
import { appended, decide, isFinished, isHeld } from '@counterstep/core';
import type { HistoryRecord, Moment, Saga, SagaEvent, Workflow } from '@counterstep/core';
import { storableText } from '@counterstep/protocol';
import type { Input, InputResult } from './input.js';
import type { Messages } from './messages.js';
import type { Registry } from './registry.js';
import { judgeKeys } from './start-keys.js';
import type { Claim, KeyName, NewKey, ParkedInput, TakenKey } from './store.js';
import { UNREADABLE_HISTORY } from './unreadable.js';

/** What one batch makes of one saga. */
export interface Entry {
  readonly sagaId: string;
  /** The version that was decided from; 0 when there was no saga. */
  readonly version: number;
  /** The saga came from memory: what is not proved by a commit must be looked up. */
  readonly isCached: boolean;
  /** There is a saga, but this version cannot read its history. */
  readonly unreadable: { readonly digest: string } | undefined;
  saga: Saga | undefined;
  records: HistoryRecord[];
  messages: readonly OutgoingMessage[];
  verdicts: { readonly input: Input; readonly result: InputResult }[];
  parks: readonly ParkedInput[];
  keys: readonly NewKey[];
  claims: readonly Claim[];
}

/** Most inputs have none of what there may be many of. */
const NONE: readonly never[] = [];

/** Decides a batch: each input in order, each saga from where the one before left it. Pure but for its dice. */
export class BatchDecider {
  constructor(
    private readonly registry: Registry,
    private readonly messages: Messages,
    private readonly maxMessageBytes: number,
  ) {}

  /** What becomes of the entries, one per saga of these inputs, and the inputs that must wait for the next batch. */
  decide(
    inputs: readonly Input[],
    known: ReadonlyMap<string, Entry>,
    taken: readonly TakenKey[],
    now: number,
  ): { entries: Entry[]; deferred: Input[] } {
    const entries: Entry[] = [];
    const deferred: Input[] = [];
    const holders = new Map(taken.map((key) => [nameOf(key), key]));
    const given = new Set<string>();
    for (const input of inputs) {
      const { keys = NONE } = input;
      if (keys.some((key) => given.has(nameOf(key)))) {
        deferred.push(input);
        continue;
      }
      const entry = known.get(input.sagaId);
      if (!entry) throw new Error('what is known of every input is told');
      if (entry.verdicts.length === 0) entries.push(entry);
      const judged = keys.length > 0 ? judgeKeys(keys, (key) => holders.get(nameOf(key))) : undefined;
      const result = judged?.result ?? this.apply(entry, input, { now, random: Math.random() });
      if (judged?.result.kind === 'existing') {
        const { sagaId } = judged.result;
        const claims = judged.claims.map((key): Claim => ({ id: entry.sagaId, sagaId, key }));
        entry.claims = [...entry.claims, ...claims];
      }
      const taking = judged?.claims ?? (result.kind === 'applied' ? keys : NONE);
      for (const key of taking) given.add(nameOf(key));
      entry.verdicts = appended(entry.verdicts, { input, result });
    }
    return { entries, deferred };
  }

  private apply(entry: Entry, input: Input, moment: Moment): InputResult {
    const { saga, unreadable } = entry;
    if (unreadable) return park(entry, input, unreadable.digest, UNREADABLE_HISTORY);
    const workflow = input.workflow ?? (saga && this.registry.pinned(saga.workflow.digest));
    if (input.event.type !== 'start') {
      if (!saga) return { kind: 'absent' };
      if (!workflow && needsDefinition(saga, input.event))
        return park(entry, input, saga.workflow.digest, 'UNKNOWN_DEFINITION');
      if (!isFinished(saga) && isHeld(saga) && !endsHold(input.event))
        return park(entry, input, saga.workflow.digest, 'QUARANTINED');
    }
    try {
      // What needs no definition is decided with any other.
      return this.decideOne(entry, input, workflow ?? this.anyWorkflow(), moment);
    } catch (error) {
      // Must not happen; should it, one saga pays for it and not its whole lane, for ever.
      const message = `the decision failed: ${error instanceof Error ? error.message : 'unknown error'}`;
      return this.hold(entry, input, 'DECISION_FAILED', message, moment);
    }
  }

  private decideOne(entry: Entry, input: Input, workflow: Workflow, moment: Moment): InputResult {
    const { saga } = entry;
    const decision = decide(workflow, saga, input.event, moment);
    switch (decision.kind) {
      case 'ignored':
        return { kind: 'ignored', reason: decision.reason };
      case 'refused':
        return { ...decision, ...(saga && { saga }) };
      case 'applied': {
        const { record, effects } = decision;
        const messages = this.messages.of(workflow, decision.saga, record, effects);
        const tooLarge = messages.find((message) => message.value.byteLength > this.maxMessageBytes);
        // A message that no broker would take is found before the commit, when the saga can still be told.
        if (tooLarge) return this.hold(entry, input, 'PAYLOAD_TOO_LARGE', this.sizesOf(tooLarge), moment);
        entry.saga = decision.saga;
        entry.records = appended(entry.records, record);
        entry.messages = entry.messages.length > 0 ? [...entry.messages, ...messages] : messages;
        if (input.keys) entry.keys = input.keys;
        return { kind: 'applied', saga: decision.saga };
      }
    }
  }

  /** Holds the saga for a person and keeps what came for it; a start is refused. */
  private hold(entry: Entry, input: Input, code: string, text: string, moment: Moment): InputResult {
    const message = storableText(text, 1_000);
    if (input.event.type === 'start') return { kind: 'refused', code, message };
    if (input.event.type === 'quarantine') return { kind: 'failed', error: new Error(message) };
    const quarantine = { type: 'quarantine', code, message } as const;
    const { sagaId, origin } = input;
    const result = this.apply(entry, { sagaId, origin, event: quarantine, settle: () => undefined }, moment);
    return result.kind === 'applied' ? park(entry, input, result.saga.workflow.digest, code) : result;
  }

  private sizesOf({ topic, value }: OutgoingMessage): string {
    return `a message for ${topic} has ${value.byteLength} bytes, ${this.maxMessageBytes} are allowed`;
  }

  private anyWorkflow(): Workflow {
    const [first] = this.registry.all();
    if (!first) throw new Error('the registry is never empty');
    return first;
  }
}

/** A hold and an end by force need none; of what comes after the end, only what may be a late effect does. */
function needsDefinition(saga: Saga, { type }: SagaEvent): boolean {
  if (isFinished(saga)) return type === 'reply';
  return type !== 'quarantine' && type !== 'terminate';
}

/** What a held saga is not kept from. */
function endsHold(event: SagaEvent): boolean {
  if (event.type === 'intervene') return event.verb === 'release';
  return event.type === 'quarantine' || event.type === 'terminate';
}

/** Of a saga of which nothing was decided yet. */
export function entryOf(
  sagaId: string,
  saga: Saga | undefined,
  isCached: boolean,
  unreadable?: Entry['unreadable'],
): Entry {
  return {
    sagaId,
    version: saga?.version ?? 0,
    isCached,
    unreadable,
    saga,
    records: [],
    messages: NONE,
    verdicts: [],
    parks: NONE,
    keys: NONE,
    claims: NONE,
  };
}

/** Kept for later; a request is not kept, its caller is told. */
function park(entry: Entry, input: Input, digest: string, code: string): InputResult {
  const { sagaId, saga } = entry;
  if (input.origin === 'request')
    return {
      kind: 'refused',
      code,
      message: `the saga cannot be worked on now: ${code}`,
      ...(saga && { saga }),
    };
  // Who holds the replies may lack the definition, and who has the definition may not judge that an attempt is over.
  const isVerdict = code === 'UNKNOWN_DEFINITION' && input.event.type === 'deadline';
  if (input.origin === 'internal' && !isVerdict) return { kind: 'ignored', reason: code };
  if (input.parkedId !== undefined) return { kind: 'parked' };
  entry.parks = [...entry.parks, { sagaId, digest, code, input: JSON.stringify(input.event) }];
  return { kind: 'parked' };
}

function nameOf({ scope, key }: KeyName): string {
  return JSON.stringify([scope, key]);
}
