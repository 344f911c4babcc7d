import type { Answer, BarrierOrder, BarrierRows, EffectResult } from '@counterstep/worker';
import { Interned } from './intern.js';
import { named, replyMessage } from './messages.js';
import type { CommandMessage, Message } from './messages.js';
import type { Meetings } from './meetings.js';
import type { Rules } from './rules.js';

/** A worker's database, and what truly happened: the ledger is not ours, it is the world's. */
export interface Site {
  readonly rows: BarrierRows;
  /** By forward effect key: how often the effect was done, and how often it was undone. */
  readonly ledger: Readonly<Record<string, Entry>>;
}

export interface Entry {
  readonly done: number;
  readonly undone: number;
  /** It was done by a service after its undo had begun. */
  readonly late?: true;
}

/** A handler that is running; only in mode `external` can others come in between. */
export interface Execution {
  readonly order: BarrierOrder;
  /** It has called the service, and the service has done it. */
  readonly isDone: boolean;
}

/** Something that a worker may do. */
export interface Deed {
  readonly words: string;
  readonly site: number;
  /** The reply that goes out, or -1. */
  readonly reply: number;
  /** The execution that begins, or goes on; -1 when there is none after. */
  readonly execution: number;
  /** The worker dies of it; its command lies in the queue as before. */
  readonly crash: boolean;
}

const OUT_OF_STOCK = { code: 'NO', message: 'no' };
const SUCCEEDED: EffectResult = { outcome: 'succeeded', output: true };
const REJECTED: EffectResult = { outcome: 'rejected', error: OUT_OF_STOCK };
const FAILED: EffectResult = { outcome: 'failed', error: { code: 'E', message: 'e' }, retryable: true };

/** The workers: whatever a handler may do, through the real rules of the barrier. */
export class Workers {
  readonly sites = new Interned<Site>();
  readonly executions = new Interned<Execution>();
  private readonly begun = new Map<number, readonly Deed[]>();
  private readonly gone = new Map<number, readonly Deed[]>();
  private readonly free = new Map<number, { replies: readonly number[]; isAll: boolean }>();
  private readonly last = new Map<number, readonly number[]>();

  constructor(
    private readonly rules: Rules,
    private readonly messages: Interned<Message>,
    private readonly meetings: Meetings,
    private readonly undoMayReject: boolean,
  ) {}

  /** What may come of it when a worker takes the command. */
  taking(site: number, command: number): readonly Deed[] {
    const key = site * 1_000_000 + command;
    let deeds = this.begun.get(key);
    if (!deeds) {
      const message = this.messages.value(command) as CommandMessage;
      deeds = this.take(this.sites.value(site), message.order);
      this.begun.set(key, deeds);
    }
    return deeds;
  }

  /** How a running handler may go on. */
  goingOn(site: number, execution: number): readonly Deed[] {
    const key = site * 1_000_000 + execution;
    let deeds = this.gone.get(key);
    if (!deeds) {
      deeds = this.goOn(this.sites.value(site), this.executions.value(execution));
      this.gone.set(key, deeds);
    }
    return deeds;
  }

  /** The replies that a running handler can give without any other change, and whether it can do anything else. */
  freeReplies(site: number, execution: number): { replies: readonly number[]; isAll: boolean } {
    const key = site * 1_000_000 + execution;
    let free = this.free.get(key);
    if (!free) {
      const replies: number[] = [];
      let isAll = true;
      for (const deed of this.goingOn(site, execution).filter(({ crash }) => !crash)) {
        const then = deed.execution === -1 ? undefined : this.freeReplies(site, deed.execution);
        if (isFree(deed, site)) replies.push(deed.reply);
        else if (deed.site === site && then?.isAll) replies.push(...then.replies);
        else isAll = false;
      }
      free = { replies, isAll };
      this.free.set(key, free);
    }
    return free;
  }

  /** The replies that the command can still get, when its delivery cannot do anything else any more; else none. */
  lastWords(site: number, command: number): readonly number[] {
    const key = site * 1_000_000 + command;
    let replies = this.last.get(key);
    if (!replies) {
      const { order } = this.messages.value(command) as CommandMessage;
      replies = this.answersLeft(this.sites.value(site), order).map((answer) =>
        this.messages.number(replyMessage(order, answer)),
      );
      this.last.set(key, replies);
    }
    return replies;
  }

  private answersLeft({ rows }: Site, order: BarrierOrder): Answer[] {
    // Nothing is promised in this mode, so what a further delivery does to the world is not looked at either.
    if (order.mode === 'none') return this.resultsOf(order).map((result) => this.unkept(order, result));
    const row = rows[order.effectKey];
    // A handler that is running may still change what the row says.
    if (!row || row.state === 'uncertain' || row.state === 'started') return [];
    const { admission, changed } = this.rules.enterBarrier(rows, order);
    return admission.run || Object.keys(changed).length > 0 ? [] : [admission.answer];
  }

  private take(site: Site, order: BarrierOrder): Deed[] {
    const taken = `a worker takes ${named(order)}`;
    if (order.mode === 'none') return this.unguarded(site, order, taken);
    const { admission, changed } = this.rules.enterBarrier(site.rows, order);
    const rows = { ...site.rows, ...changed };
    if (!admission.run) {
      this.meetings.answered(admission.answer, site.rows[order.effectKey]);
      const deed = this.deed({ ...site, rows }, `${taken}; the barrier answers`, order, admission.answer);
      return [
        deed,
        ...(Object.keys(changed).length === 0 ? [] : [died(deed, 'after its row, before the reply')]),
      ];
    }
    if (order.mode === 'external') {
      const capped = { ...site, rows: withCappedCount(rows, order.effectKey) };
      const words = `${taken} and begins`;
      if (site.rows[order.effectKey]) this.meetings.meet('a started effect runs again');
      return [{ ...this.silent(capped, words), execution: this.running(order, false) }];
    }
    const deeds: Deed[] = [];
    for (const result of this.resultsOf(order)) {
      const end = this.rules.leaveBarrier(rows, order.effectKey, result);
      const ledger = result.outcome === 'succeeded' ? entered(site, order) : site.ledger;
      const after = result.outcome === 'failed' ? site : { rows: { ...rows, ...end.changed }, ledger };
      const deed = this.deed(after, `${taken}: it ${SAID[result.outcome]}`, order, end.answer);
      deeds.push(deed);
      if (result.outcome !== 'failed') deeds.push(died(deed, 'after its commit, before the reply'));
    }
    return deeds;
  }

  private unguarded(site: Site, order: BarrierOrder, taken: string): Deed[] {
    return this.resultsOf(order).flatMap((result) => {
      const after = result.outcome === 'succeeded' ? { ...site, ledger: entered(site, order) } : site;
      const answer = this.unkept(order, result);
      const deed = this.deed(after, `${taken}: it ${SAID[result.outcome]}`, order, answer);
      return result.outcome === 'succeeded'
        ? [deed, died(deed, 'after its effect, before the reply')]
        : [deed];
    });
  }

  private goOn(site: Site, { order, isDone }: Execution): Deed[] {
    const handler = `the handler of ${named(order)}`;
    const fails = this.deed(site, `${handler} fails`, order, {
      outcome: 'failed',
      error: { code: 'E', message: 'e' },
      retryable: true,
    });
    if (!isDone) {
      const does = { ...site, ledger: entered(site, order) };
      const mayReject = order.direction === 'forward' || this.undoMayReject;
      return [
        {
          ...this.silent(does, `${handler} calls the service, which does it`),
          execution: this.running(order, true),
        },
        ...(mayReject ? this.ends(site, order, REJECTED, `${handler} rejects`) : []),
        fails,
        died(fails, 'before its effect'),
      ];
    }
    return [
      ...this.ends(site, order, SUCCEEDED, `${handler} ends`),
      fails,
      died(fails, 'after its effect, before its row'),
    ];
  }

  private ends(site: Site, order: BarrierOrder, result: EffectResult, words: string): Deed[] {
    const { answer, changed } = this.rules.leaveBarrier(site.rows, order.effectKey, result);
    const rows = { ...site.rows, ...changed };
    if (rows[order.effectKey]?.state === 'uncertain')
      this.meetings.meet('a rejection that may be wrong is stored so');
    if (answer.outcome === 'succeeded' && answer.late) this.meetings.meet('late success told by the barrier');
    const deed = this.deed({ ...site, rows }, words, order, answer);
    return [
      deed,
      ...(Object.keys(changed).length > 0 ? [died(deed, 'after its row, before the reply')] : []),
    ];
  }

  /** Where nothing is kept, each end is as of a first delivery. */
  private unkept({ effectKey }: BarrierOrder, result: EffectResult): Answer {
    return this.rules.leaveBarrier({}, effectKey, result).answer;
  }

  private resultsOf({ direction }: BarrierOrder): EffectResult[] {
    return direction === 'forward' || this.undoMayReject
      ? [SUCCEEDED, REJECTED, FAILED]
      : [SUCCEEDED, FAILED];
  }

  private running(order: BarrierOrder, isDone: boolean): number {
    // What the command said of the forward outcome was used when the handler was let run.
    const { forwardOutcome: _, ...rest } = order;
    return this.executions.number({ order: rest, isDone });
  }

  private deed(site: Site, words: string, order: BarrierOrder, answer: Answer): Deed {
    return { ...this.silent(site, words), reply: this.messages.number(replyMessage(order, answer)) };
  }

  private silent(site: Site, words: string): Deed {
    return { words, site: this.sites.number(site), reply: -1, execution: -1, crash: false };
  }
}

const SAID = { succeeded: 'succeeds', rejected: 'rejects', failed: 'fails' } as const;

/** It changes nothing but that a reply lies on the bus. */
export function isFree(deed: Deed, site: number | undefined): boolean {
  return deed.site === site && deed.execution === -1 && deed.reply !== -1 && !deed.crash;
}

function died(deed: Deed, when: string): Deed {
  return {
    ...deed,
    words: `${deed.words}, but the worker dies ${when}`,
    reply: -1,
    execution: -1,
    crash: true,
  };
}

/** The rules only ask whether a handler was let run more than once; without a limit the states would be without end. */
function withCappedCount(rows: BarrierRows, effectKey: string): BarrierRows {
  const row = rows[effectKey];
  return row && row.executions > 2 ? { ...rows, [effectKey]: { ...row, executions: 2 } } : rows;
}

/**
 * What the world remembers. In a transaction every run of the handler counts. A service that honours the effect key does
 * each forward effect once, and takes each back once; what it never did it cannot take back.
 */
function entered({ ledger, rows }: Site, order: BarrierOrder): Site['ledger'] {
  const isForward = order.direction === 'forward';
  const key = isForward ? order.effectKey : (order.forwardKey ?? order.effectKey);
  const entry = ledger[key] ?? { done: 0, undone: 0 };
  const { done, undone } = entry;
  const isTransaction = order.mode === 'transaction';
  if (!isForward) return { ...ledger, [key]: { ...entry, undone: isTransaction ? undone + 1 : done } };
  const isLate = order.mode === 'external' && done === 0 && rows[key]?.undoBegan === true;
  return {
    ...ledger,
    [key]: { ...entry, done: isTransaction ? done + 1 : 1, ...(isLate && { late: true }) },
  };
}
