import type { Answer, BarrierOrder, BarrierRows, EffectResult } from '@counterstep/worker';
import type { Behaviour, Moment } from './faults.js';
import { forwardKey, type Ledger } from './ledger.js';
import type { Rules } from './rules.js';

/** A command as it lies in its queue. */
export interface Order extends BarrierOrder {
  /** Whom it is for. */
  readonly worker: string;
  /** What a success gives. */
  readonly output: unknown;
  /** An undo that cannot do its work, as the output that it needs never came. */
  readonly isHelpless?: true;
}

/** Where the worker stands: its clock, and those whom it answers. */
export interface Surroundings {
  readonly ledger: Ledger;
  after(milliseconds: number, run: () => void): void;
  when(moment: Moment, path: string, run: () => void): void;
  say(words: string): void;
  /** A handler ran that could not do its work. */
  helpless(order: Order): void;
  reply(order: Order, answer: Answer, behaviour: Behaviour): void;
}

/** How long a worker that died is away. */
const AWAY = 5_000;

/**
 * All workers of a workflow, behind the real rules of the barrier. A transaction is over the moment it begins. Outside of
 * one, a handler takes a millisecond until its effect, and another until its end; another delivery may come in between.
 */
export class SimulatedWorkers {
  #rows: BarrierRows = {};

  constructor(
    private readonly around: Surroundings,
    private readonly rules: Rules,
  ) {}

  take(order: Order, behaviour: Behaviour): void {
    const { mode, direction, step } = order;
    if (direction === 'undo') this.around.ledger.tried(forwardKey(order), step, mode);
    if (mode === 'none') {
      this.runOutside(order, behaviour);
      return;
    }
    const { admission, changed } = this.rules.enterBarrier(this.#rows, order);
    if (!admission.run) {
      this.write(changed);
      this.say(order, 'the barrier answers for it');
      this.around.reply(order, admission.answer, behaviour);
    } else if (mode === 'external') {
      this.write(changed);
      this.runOutside(order, behaviour);
    } else this.runInTransaction(order, changed, behaviour);
  }

  private runInTransaction(order: Order, changed: BarrierRows, behaviour: Behaviour): void {
    if (order.isHelpless) this.around.helpless(order);
    if (behaviour.dies?.when === 'before') {
      this.die(order, behaviour);
      return;
    }
    const result = resultOf(order, behaviour);
    const end = this.rules.leaveBarrier({ ...this.#rows, ...changed }, order.effectKey, result);
    if (result.outcome === 'succeeded') this.act(order);
    else this.say(order, 'rolled back');
    if (result.outcome !== 'failed') this.write({ ...changed, ...end.changed });
    if (behaviour.dies) this.die(order, behaviour);
    else this.around.reply(order, end.answer, behaviour);
  }

  private runOutside(order: Order, behaviour: Behaviour): void {
    const { handler, isDone, dies, slow } = behaviour;
    if (dies?.when === 'before') {
      this.die(order, behaviour);
      return;
    }
    const isDoing = handler === undefined || handler === 'lies' || isDone === true;
    const hasEffect = isDoing && !order.isHelpless;
    if (order.isHelpless) this.around.helpless(order);
    const go = (): void => {
      if (hasEffect) this.act(order);
      if (dies) this.die(order, behaviour);
      else this.around.after(1, () => this.end(order, behaviour));
    };
    this.say(order, 'begins');
    if (slow) this.around.when(slow, order.step, go);
    else this.around.after(1, go);
  }

  private end(order: Order, behaviour: Behaviour): void {
    const rows = order.mode === 'none' ? {} : this.#rows;
    const { answer, changed } = this.rules.leaveBarrier(rows, order.effectKey, resultOf(order, behaviour));
    if (order.mode !== 'none') this.write(changed);
    this.around.reply(order, answer, behaviour);
  }

  private act(order: Order): void {
    const { direction, step, mode } = order;
    if (direction === 'undo') this.around.ledger.undo(forwardKey(order), step, mode);
    else this.around.ledger.do(order.effectKey, step, mode);
    this.say(order, direction === 'undo' ? 'takes the effect back' : 'has its effect');
  }

  private die(order: Order, { dies }: Behaviour): void {
    const { back = 'never', when = 'before' } = dies ?? {};
    this.say(order, `its worker dies ${when} the effect`);
    const again = (): void => this.take(order, {});
    if (back === 'soon') this.around.after(AWAY, again);
    else if (back !== 'never') this.around.when(back, order.step, again);
  }

  private write(changed: BarrierRows): void {
    this.#rows = { ...this.#rows, ...changed };
  }

  private say({ worker, attempt }: Order, words: string): void {
    this.around.say(`    ${worker}${attempt > 1 ? ` (attempt ${attempt})` : ''}: ${words}`);
  }
}

function resultOf({ output, worker, isHelpless }: Order, { handler }: Behaviour): EffectResult {
  if (isHelpless) {
    const error = { code: 'NO_OUTPUT', message: `${worker} has no output of its step to go by` };
    return { outcome: 'failed', error, retryable: false };
  }
  switch (handler) {
    case 'rejects':
      return { outcome: 'rejected', error: { code: 'REJECTED', message: `${worker} refuses` } };
    case 'fails':
      return { outcome: 'failed', error: { code: 'FAILED', message: `${worker} fails` }, retryable: true };
    case 'breaks':
      return { outcome: 'failed', error: { code: 'BROKEN', message: `${worker} breaks` }, retryable: false };
    case 'lies':
      return { outcome: 'succeeded', output: LIE };
    default:
      return { outcome: 'succeeded', ...(output !== undefined && { output }) };
  }
}

/** No schema that says anything takes this. */
const LIE = ['what', 'nobody', { agreed: 'on' }];
