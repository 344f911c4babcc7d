import { answersOf } from './answers-of.js';
import { gated } from './gate.js';
import { afterEach, beforeEach, describe, expect, test } from './runner.js';
import {
  BarrierUnavailable,
  type Answer,
  type Barrier,
  type BarrierOrder,
  type Effect,
  type EffectResult,
} from '@counterstep/worker';

/** Two workers of one queue over the same rows, and a ledger in which effects can be seen to stand. */
export interface BarrierUnderTest {
  readonly barrier: Barrier;
  /** Another process's barrier. */
  readonly other: Barrier;
  /** Adds `entry` to the ledger: through `tx` when there is one, else at once. */
  write(tx: unknown, entry: string): Promise<void>;
  /** The ledger's entries that stand, in order. */
  ledger(): Promise<string[]>;
  /** Ends the process that holds `tx`, as kill -9 does: nothing of the transaction stands. */
  kill(tx: unknown): Promise<void>;
  close(): Promise<void>;
}

const SAGA = '01890000-0000-7000-8000-000000000001';
const FORWARD = `${SAGA}/charge/1/forward`;
const UNDO = `${SAGA}/charge/1/undo`;
const OUT_OF_MONEY = { code: 'NO_FUNDS', message: 'no funds' };

/** The rules of the barrier, as tests that every implementation of the port `Barrier` passes. */
export function barrierConformance(name: string, makeBarrier: () => Promise<BarrierUnderTest>): void {
  describe(`barrier: ${name}`, () => {
    let kit: BarrierUnderTest;
    beforeEach(async () => {
      kit = await makeBarrier();
    });
    afterEach(() => kit.close());

    const order = (mode: BarrierOrder['mode'], more: Partial<BarrierOrder> = {}): BarrierOrder => ({
      mode,
      sagaId: SAGA,
      step: 'charge',
      run: 1,
      attempt: 1,
      direction: 'forward',
      effectKey: FORWARD,
      ...more,
    });
    const undo = (mode: BarrierOrder['mode'], more: Partial<BarrierOrder> = {}): BarrierOrder =>
      order(mode, {
        direction: 'undo',
        effectKey: UNDO,
        forwardKey: FORWARD,
        forwardOutcome: 'unknown',
        ...more,
      });
    const perform = async (barrier: Barrier, which: BarrierOrder, effect: Effect): Promise<Answer> => {
      const [answer] = await answersOf(barrier, [{ order: which, effect }]);
      return answer as Answer;
    };
    const does =
      (entry: string, result: EffectResult = { outcome: 'succeeded', output: { entry } }): Effect =>
      async (tx) => {
        await kit.write(tx, entry);
        return result;
      };
    const never: Effect = () => Promise.reject(new Error('the handler must not run'));
    const rejected: EffectResult = { outcome: 'rejected', error: OUT_OF_MONEY };
    const failed: EffectResult = {
      outcome: 'failed',
      error: { code: 'HANDLER_FAILED', message: 'no answer' },
      retryable: true,
    };

    describe.each(['transaction', 'external'] as const)('in mode %s', (mode) => {
      test('a duplicate gets the stored reply and the handler does not run again', async () => {
        const effect = does('charged', { outcome: 'succeeded', output: { id: 7 }, undoData: { ref: 'x' } });
        const first = await perform(kit.barrier, order(mode), effect);
        expect(first).toEqual({ outcome: 'succeeded', output: { id: 7 }, undoData: { ref: 'x' } });
        expect(await perform(kit.other, order(mode, { attempt: 2 }), never)).toEqual(first);
        expect(await kit.ledger()).toEqual(['charged']);
      });

      test('a rejection is stored: no later attempt of the run can succeed', async () => {
        const first = await perform(kit.barrier, order(mode), async () => rejected);
        expect(first).toEqual({ outcome: 'rejected', error: OUT_OF_MONEY });
        expect(await perform(kit.other, order(mode, { attempt: 2 }), never)).toEqual(first);
      });

      test('a failure is not stored: the next attempt runs', async () => {
        const answer = await perform(kit.barrier, order(mode), async () => failed);
        expect(answer).toEqual({
          outcome: 'failed',
          error: { code: 'HANDLER_FAILED', message: 'no answer' },
          retryable: true,
        });
        const second = await perform(kit.other, order(mode, { attempt: 2 }), does('charged'));
        expect(second).toMatchObject({ outcome: 'succeeded' });
        expect(await kit.ledger()).toEqual(['charged']);
      });

      test('another run of the step is another effect', async () => {
        await perform(kit.barrier, order(mode), does('run 1'));
        const again = order(mode, { run: 2, effectKey: `${SAGA}/charge/2/forward` });
        await perform(kit.barrier, again, does('run 2'));
        expect(await kit.ledger()).toEqual(['run 1', 'run 2']);
      });

      test('an undo after success runs once, and its duplicate gets the stored reply', async () => {
        await perform(kit.barrier, order(mode), does('charged'));
        const known = undo(mode, { forwardOutcome: 'succeeded' });
        const first = await perform(kit.barrier, known, does('refunded'));
        expect(first).toEqual({ outcome: 'succeeded', output: { entry: 'refunded' } });
        expect(await perform(kit.other, { ...known, attempt: 2 }, never)).toEqual(first);
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });

      test('an undo whose forward reply was lost finds the effect and undoes it', async () => {
        await perform(kit.barrier, order(mode), does('charged'));
        await perform(kit.other, undo(mode), does('refunded'));
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });

      test('an undo of a rejected effect is a no-op', async () => {
        await perform(kit.barrier, order(mode), async () => rejected);
        expect(await perform(kit.other, undo(mode), never)).toEqual({ outcome: 'succeeded', noop: true });
      });

      test.each(['failed', 'unknown'] as const)(
        'an undo of a %s effect without a row is a no-op, and the late forward command is refused',
        async (forwardOutcome) => {
          const nothing = await perform(kit.barrier, undo(mode, { forwardOutcome }), never);
          expect(nothing).toEqual({ outcome: 'succeeded', noop: true });
          const late = await perform(kit.other, order(mode), never);
          expect(late).toMatchObject({
            outcome: 'rejected',
            refused: true,
            error: { code: 'REFUSED_LATE' },
          });
          expect(await perform(kit.barrier, undo(mode, { forwardOutcome, attempt: 2 }), never)).toEqual(
            nothing,
          );
        },
      );

      test('an undo of a success without a row runs: the orchestrator knows better than an empty table', async () => {
        const known = undo(mode, { forwardOutcome: 'succeeded' });
        expect(await perform(kit.barrier, known, async () => failed)).toMatchObject({ outcome: 'failed' });
        await perform(kit.other, { ...known, attempt: 2 }, does('refunded'));
        expect(await kit.ledger()).toEqual(['refunded']);
        const late = await perform(kit.other, order(mode), never);
        expect(late).toMatchObject({ outcome: 'rejected', refused: true });
      });

      test('a second undo run after a no-op is a no-op again, and runs once the effect is known to stand', async () => {
        await perform(kit.barrier, undo(mode), never);
        const second = undo(mode, { run: 2, effectKey: `${SAGA}/charge/2/undo` });
        expect(await perform(kit.barrier, second, never)).toMatchObject({ noop: true });
        const third = undo(mode, {
          run: 3,
          effectKey: `${SAGA}/charge/3/undo`,
          forwardOutcome: 'succeeded',
        });
        expect(await perform(kit.barrier, third, does('refunded'))).toMatchObject({ outcome: 'succeeded' });
        expect(await kit.ledger()).toEqual(['refunded']);
      });

      test('without a forward key the undo finds its effect by its own key', async () => {
        await perform(kit.barrier, order(mode), does('charged'));
        const { forwardKey: _, ...bare } = undo(mode);
        await perform(kit.barrier, bare, does('refunded'));
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });

      test('a group is answered one by one, in its order', async () => {
        const keys = ['a', 'b', 'c'];
        const answers = await answersOf(
          kit.barrier,
          keys.map((key) => ({
            order: order(mode, { effectKey: `${SAGA}/${key}/1/forward`, step: key }),
            effect: does(key),
          })),
        );
        expect(answers.map((answer) => answer.outcome === 'succeeded' && answer.output)).toEqual(
          keys.map((entry) => ({ entry })),
        );
        expect((await kit.ledger()).sort()).toEqual(keys);
      });
    });

    test('what is stored comes back letter by letter, whatever SQL would make of it', async () => {
      const texts = [
        `it's "quoted"`,
        String.raw`a\b\\c\'`,
        'two\nlines\t',
        '{a,b}',
        'NULL',
        '$1 $$ ?',
        `'); DROP TABLE x; --`,
        '😀 é',
      ];
      for (const [index, text] of texts.entries()) {
        const effectKey = `${SAGA}/${text}/${index}/forward`;
        const stored = await perform(kit.barrier, order('transaction', { effectKey }), () =>
          Promise.resolve({ outcome: 'succeeded', output: { [text]: text }, undoData: [text] }),
        );
        expect(stored).toEqual({ outcome: 'succeeded', output: { [text]: text }, undoData: [text] });
        expect(await perform(kit.other, order('transaction', { effectKey, attempt: 2 }), never)).toEqual(
          stored,
        );
      }
    });

    describe('in mode transaction', () => {
      test('a failure leaves nothing of what the handler wrote', async () => {
        await perform(kit.barrier, order('transaction'), does('charged', failed));
        expect(await kit.ledger()).toEqual([]);
      });

      test('a rejection leaves nothing of what the handler wrote', async () => {
        await perform(kit.barrier, order('transaction'), does('charged', rejected));
        expect(await kit.ledger()).toEqual([]);
        expect(await perform(kit.other, undo('transaction'), never)).toMatchObject({ noop: true });
      });

      test('of two duplicates at once one runs, and the other waits and gets its reply', async () => {
        const gate = gated(does('charged'));
        const first = perform(kit.barrier, order('transaction'), gate.effect);
        await gate.entered;
        const second = perform(kit.other, order('transaction', { attempt: 2 }), never);
        gate.open();
        expect(await second).toEqual(await first);
        expect(await kit.ledger()).toEqual(['charged']);
      });

      test('an undo waits for the forward effect that is running, and undoes it', async () => {
        const gate = gated(does('charged'));
        const forward = perform(kit.barrier, order('transaction'), gate.effect);
        await gate.entered;
        const undone = perform(kit.other, undo('transaction'), does('refunded'));
        gate.open();
        expect(await forward).toMatchObject({ outcome: 'succeeded' });
        expect(await undone).toEqual({ outcome: 'succeeded', output: { entry: 'refunded' } });
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });

      test('an undo that waited for a forward effect which failed buries it', async () => {
        const gate = gated(async () => failed);
        const forward = perform(kit.barrier, order('transaction'), gate.effect);
        await gate.entered;
        const undone = perform(kit.other, undo('transaction'), never);
        gate.open();
        expect(await forward).toMatchObject({ outcome: 'failed' });
        expect(await undone).toEqual({ outcome: 'succeeded', noop: true });
        expect(await perform(kit.barrier, order('transaction', { attempt: 2 }), never)).toMatchObject({
          refused: true,
        });
      });

      test('a worker killed in the middle leaves nothing, and the redelivery runs', async () => {
        const dying = perform(kit.barrier, order('transaction'), async (tx) => {
          await kit.write(tx, 'charged');
          await kit.kill(tx);
          return { outcome: 'succeeded' };
        });
        await expect(dying).rejects.toBeInstanceOf(BarrierUnavailable);
        expect(await kit.ledger()).toEqual([]);
        await perform(kit.other, order('transaction'), does('charged again'));
        expect(await kit.ledger()).toEqual(['charged again']);
      });

      test('a worker killed in an undo leaves the effect as it was, and the redelivery undoes it', async () => {
        await perform(kit.barrier, order('transaction'), does('charged'));
        const dying = perform(kit.barrier, undo('transaction'), async (tx) => {
          await kit.write(tx, 'refunded');
          await kit.kill(tx);
          return { outcome: 'succeeded' };
        });
        await expect(dying).rejects.toBeInstanceOf(BarrierUnavailable);
        expect(await kit.ledger()).toEqual(['charged']);
        await perform(kit.other, undo('transaction'), does('refunded again'));
        expect(await kit.ledger()).toEqual(['charged', 'refunded again']);
      });

      test('a failed undo leaves the forward effect for the next attempt', async () => {
        await perform(kit.barrier, order('transaction'), does('charged'));
        await perform(kit.barrier, undo('transaction'), does('refunded', failed));
        expect(await kit.ledger()).toEqual(['charged']);
        await perform(kit.barrier, undo('transaction', { attempt: 2 }), does('refunded'));
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });
    });

    describe('in mode external', () => {
      test('a redelivery of a started effect runs again', async () => {
        const gate = gated(does('charged'));
        const first = perform(kit.barrier, order('external'), gate.effect);
        await gate.entered;
        const second = await perform(kit.other, order('external'), does('charged again'));
        expect(second).toEqual({ outcome: 'succeeded', output: { entry: 'charged again' } });
        gate.open();
        // The first to end has the last word, so that all attempts tell the same.
        expect(await first).toEqual(second);
      });

      test('an undo that finds a started effect runs for real, and the finish after it is a late success', async () => {
        const gate = gated(does('charged'));
        const forward = perform(kit.barrier, order('external'), gate.effect);
        await gate.entered;
        const undone = await perform(kit.other, undo('external'), does('refunded'));
        expect(undone).toEqual({ outcome: 'succeeded', output: { entry: 'refunded' } });
        gate.open();
        const late = { outcome: 'succeeded', output: { entry: 'charged' }, late: true };
        expect(await forward).toEqual(late);
        expect(await perform(kit.other, order('external', { attempt: 2 }), never)).toEqual(late);
      });

      test('a late success is undone by the next undo run', async () => {
        const gate = gated(does('charged'));
        const forward = perform(kit.barrier, order('external'), gate.effect);
        await gate.entered;
        await perform(kit.other, undo('external'), does('refunded'));
        gate.open();
        await forward;
        const second = undo('external', {
          run: 2,
          effectKey: `${SAGA}/charge/2/undo`,
          forwardOutcome: 'succeeded',
        });
        await perform(kit.other, second, does('refunded again'));
        expect(await kit.ledger()).toEqual(['refunded', 'charged', 'refunded again']);
      });

      test('a redelivery of a started effect is refused once its undo has begun', async () => {
        await perform(kit.barrier, order('external'), async () => failed);
        await perform(kit.barrier, undo('external'), async () => failed);
        const late = await perform(kit.other, order('external', { attempt: 2 }), never);
        expect(late).toMatchObject({ outcome: 'rejected', refused: true });
        await perform(kit.other, undo('external', { attempt: 2 }), does('refunded'));
        expect(await kit.ledger()).toEqual(['refunded']);
      });

      test('a rejection after an execution that may have left its effect is no promise that nothing happened', async () => {
        await perform(kit.barrier, order('external'), does('charged', failed));
        const answer = await perform(kit.barrier, order('external'), async () => rejected);
        // Not `rejected`, which nobody would undo. The same again for a duplicate: no later attempt can succeed.
        expect(answer).toEqual({ outcome: 'failed', error: OUT_OF_MONEY, retryable: false });
        expect(await perform(kit.other, order('external', { attempt: 2 }), never)).toEqual(answer);
        await perform(kit.other, undo('external'), does('refunded'));
        expect(await kit.ledger()).toEqual(['charged', 'refunded']);
      });

      test('a success after such a rejection is told, because its effect stands', async () => {
        const gate = gated(does('charged'));
        const first = perform(kit.barrier, order('external'), gate.effect);
        await gate.entered;
        await perform(kit.other, order('external'), async () => rejected);
        gate.open();
        expect(await first).toMatchObject({ outcome: 'succeeded' });
        expect(await perform(kit.other, order('external'), never)).toMatchObject({ outcome: 'succeeded' });
      });

      test('the row is there before the handler runs', async () => {
        await perform(kit.barrier, order('external'), async (tx) => {
          expect(tx).toBeUndefined();
          const seen = await perform(kit.other, undo('external'), does('refunded'));
          expect(seen).not.toHaveProperty('noop');
          return { outcome: 'succeeded' };
        });
        expect(await kit.ledger()).toEqual(['refunded']);
      });
    });

    test('in mode none every delivery runs and nothing is refused', async () => {
      await perform(kit.barrier, undo('none'), does('refunded'));
      await perform(kit.barrier, order('none'), does('charged'));
      await perform(kit.barrier, order('none'), does('charged'));
      expect(await kit.ledger()).toEqual(['refunded', 'charged', 'charged']);
    });
  });
}
