import { describe, expect, test } from '@jest/globals';
import { StoreClock } from './clock.js';

/** A process whose clock and whose store's clock are set by hand. */
function worldAt(store: number) {
  const world = { local: 0, store };
  const clock = new StoreClock({ now: () => world.local, after: () => () => undefined });
  const pass = (ms: number): void => {
    world.local += ms;
    world.store += ms;
  };
  /** Asks the store, whose answer takes so long to get there and so long back. */
  const ask = (there: number, back: number): void => {
    const askedAt = clock.asking();
    pass(there);
    const answer = Math.floor(world.store);
    pass(back);
    clock.learn(answer, askedAt);
  };
  return { world, clock, pass, ask };
}

describe("the store's clock", () => {
  test('is known as well as the quickest answer tells', () => {
    const { world, clock, pass, ask } = worldAt(1_000_000);
    ask(5, 200);
    ask(5, 2);
    expect(world.store - clock.now()).toBe(2);
    ask(5, 300);
    pass(100);
    const error = world.store - clock.now();
    expect(error).toBeGreaterThanOrEqual(0);
    expect(error).toBeLessThan(10);
  });

  test('is followed when it is set forward', () => {
    const { world, clock, ask } = worldAt(1_000_000);
    ask(1, 1);
    world.store += 3_600_000;
    ask(1, 1);
    expect(Math.abs(world.store - clock.now())).toBeLessThanOrEqual(2);
  });

  test('is followed at the next look when it is set back by more than a second', () => {
    const { world, clock, pass, ask } = worldAt(10_000_000);
    ask(1, 1);
    expect(clock.now()).toBeGreaterThan(9_999_000);
    world.store -= 3_600_000;
    ask(1, 1);
    expect(Math.abs(world.store - clock.now())).toBeLessThanOrEqual(2);
    pass(5_000);
    expect(Math.abs(world.store - clock.now())).toBeLessThanOrEqual(2);
  });

  test('stands still while a small step back is made good, and never goes back for it', () => {
    const { world, clock, pass, ask } = worldAt(1_000_000);
    ask(0, 0);
    const before = clock.now();
    world.store -= 500;
    ask(0, 0);
    expect(clock.now()).toBe(before);
    pass(400);
    expect(clock.now()).toBe(before);
    pass(400);
    expect(Math.abs(world.store - clock.now())).toBeLessThanOrEqual(1);
    expect(clock.now()).toBeGreaterThan(before);
  });

  test('is not doubted for one slow answer', () => {
    const { world, clock, ask } = worldAt(1_000_000);
    ask(1, 1);
    ask(1, 60_000);
    expect(world.store - clock.now()).toBeLessThan(1_000);
  });
});
