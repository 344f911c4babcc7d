import { describe, expect, test } from '@jest/globals';
import { BaseStep, BaseStepContext, ConsoleRuntimeContext, StepResult } from '@counterstep/steps';
import type { StepRegistry, StepRunOptions } from '@counterstep/steps';
import { z } from 'zod';
import { BaseAction } from './base-action.js';
import { registerAction, runAction } from './run-action.js';
import type { ActionRuntime } from './runtime.js';
import { portOf } from './runtime.js';

const paramsSchema = z.object({ to: z.string(), times: z.number().int().default(1) });
type Params = z.output<typeof paramsSchema>;

const lines: string[] = [];
const runtime = (): ActionRuntime =>
  new ConsoleRuntimeContext({ output: { write: (text: string) => lines.push(text) } });

class Greetings extends BaseStepContext {
  said: string[] = [];
}

class Greet extends BaseStep<Greetings> {
  readonly name: string = 'greet';
  readonly progressWeight: number = 1;
  constructor(readonly to: string) {
    super();
  }
  execute(context: Greetings): StepResult {
    context.said.push(this.to);
    return new StepResult();
  }
}

class GreetAction extends BaseAction<Params, Greetings> {
  readonly paramsSchema = paramsSchema;
  context: Greetings | undefined;
  override setupSteps(registry: StepRegistry<Greetings>): void {
    registry.register(new Greet(this.params.to));
  }
  override createContext(): Greetings {
    this.context = new Greetings(this.ctx);
    return this.context;
  }
}

class SimpleAction extends BaseAction<Params, Greetings, { text: string; stopped: boolean }> {
  readonly paramsSchema = paramsSchema;
  override async execute(options: StepRunOptions = {}): Promise<{ text: string; stopped: boolean }> {
    return {
      text: Array<string>(this.params.times).fill(this.params.to).join(),
      stopped: options.signal?.aborted ?? false,
    };
  }
}

describe('an action', () => {
  test('runs the steps that it registers, with checked parameters, and tells the progress of the whole', async () => {
    lines.length = 0;
    const action = new GreetAction({ to: 'world' }, runtime());
    expect(await action.run()).toEqual({ success: true, stepsExecuted: 1, stepsTotal: 1 });
    expect(action.context?.said).toEqual(['world']);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ type: 'progress', category: 'overall', percent: 100 }),
    ]);
  });

  test('without steps does its work in execute, defaults of its parameters filled in', async () => {
    const action = new SimpleAction({ to: 'a', times: 2 }, runtime());
    expect(await action.run()).toEqual({ text: 'a,a', stopped: false });
    expect(await new SimpleAction({ to: 'b' }, runtime()).run({ signal: AbortSignal.abort() })).toEqual({
      text: 'b',
      stopped: true,
    });
  });

  test('may add to what its steps did, by calling super.execute', async () => {
    class Counting extends GreetAction {
      calls = 0;
      override async execute(options: StepRunOptions = {}) {
        this.calls += 1;
        return super.execute(options);
      }
    }
    const action = new Counting({ to: 'x' }, runtime());
    expect(await action.run()).toMatchObject({ stepsExecuted: 1 });
    expect(action.calls).toBe(1);
  });

  test('heeds the options of its run also when its execute passes none on', async () => {
    class Forgetful extends GreetAction {
      override async execute() {
        return super.execute();
      }
    }
    const action = new Forgetful({ to: 'x' }, runtime());
    await expect(action.run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await action.run()).toMatchObject({ stepsExecuted: 1 });
  });

  test('resolves with what resultOf makes of the context', async () => {
    class Told extends BaseAction<Params, Greetings, { said: string[]; steps: number }> {
      readonly paramsSchema = paramsSchema;
      override setupSteps(registry: StepRegistry<Greetings>): void {
        registry.register(new Greet(this.params.to));
      }
      override createContext(): Greetings {
        return new Greetings(this.ctx);
      }
      protected override resultOf(context: Greetings, { stepsTotal }: { stepsTotal: number }) {
        return { said: context.said, steps: stepsTotal };
      }
    }
    expect(await new Told({ to: 'y' }, runtime()).run()).toEqual({ said: ['y'], steps: 1 });
  });

  test('runs twice, each time with new steps and a new context', async () => {
    const action = new GreetAction({ to: 'again' }, runtime());
    await action.run();
    const first = action.context;
    expect(await action.run()).toMatchObject({ stepsTotal: 1 });
    expect(action.context).not.toBe(first);
  });

  test('is refused with bad parameters before anything is done, and each of them is named', async () => {
    const action = new GreetAction({ to: 7, times: 0.5 }, runtime());
    await expect(action.run()).rejects.toMatchObject({
      name: 'ActionError',
      code: 'PARAMS_INVALID',
      retryable: false,
      message: expect.stringMatching(
        /^GreetAction cannot run with these parameters:\n[^]*at to\n[^]*at times$/,
      ),
    });
    expect(action.context).toBeUndefined();
    expect(() => action.params).toThrow(expect.objectContaining({ code: 'PARAMS_INVALID' }));
  });

  test('that registers steps and does not run them says so', async () => {
    class Forgetful extends GreetAction {
      override async execute() {
        return { success: true, stepsExecuted: 0, stepsTotal: 0 } as const;
      }
    }
    await expect(new Forgetful({ to: 'x' }, runtime()).run()).rejects.toMatchObject({
      code: 'STEPS_NOT_RUN',
      message: expect.stringContaining('Forgetful'),
    });
  });

  test('with neither steps nor an execute says so', async () => {
    class Empty extends BaseAction<Params> {
      readonly paramsSchema = paramsSchema;
    }
    await expect(new Empty({ to: 'x' }, runtime()).run()).rejects.toMatchObject({ code: 'NOTHING_TO_RUN' });
    await expect(new GreetAction({ to: 'x' }, runtime()).execute()).rejects.toMatchObject({
      code: 'NOTHING_TO_RUN',
    });
  });

  test('that registers steps without a context says so', async () => {
    class Contextless extends BaseAction<Params, Greetings> {
      readonly paramsSchema = paramsSchema;
      override setupSteps(registry: StepRegistry<Greetings>): void {
        registry.register(new Greet('x'));
      }
    }
    await expect(new Contextless({ to: 'x' }, runtime()).run()).rejects.toMatchObject({ code: 'NO_CONTEXT' });
  });
});

describe('what a run held', () => {
  class Holding extends GreetAction {
    readonly released: Greetings[] = [];
    protected override async release(context: Greetings): Promise<void> {
      this.released.push(context);
      if (this.params.to === 'stuck') throw new Error('it does not let go');
    }
  }

  test('is let go of when it has ended, well or not', async () => {
    const action = new Holding({ to: 'x' }, runtime());
    await action.run();
    expect(action.released).toEqual([action.context]);
    await expect(action.run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(action.released).toHaveLength(2);
  });

  test('and is not let go of, is logged, and the run ends as it did', async () => {
    lines.length = 0;
    expect(await new Holding({ to: 'stuck' }, runtime()).run()).toMatchObject({ success: true });
    expect(lines.join('')).toContain('"event":"release_failed","data":{"error":"it does not let go"}');
  });
});

describe('runAction', () => {
  test('runs an action by its name', async () => {
    registerAction('greet', GreetAction);
    registerAction('greet', GreetAction);
    expect(await runAction('greet', { to: 'you' }, runtime())).toMatchObject({ success: true });
  });

  test('refuses a name that nobody registered, and one that is taken', async () => {
    registerAction('simple', SimpleAction);
    await expect(runAction('simpel', {})).rejects.toMatchObject({
      code: 'UNKNOWN_ACTION',
      message: expect.stringContaining('simple'),
    });
    expect(() => registerAction('simple', GreetAction)).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_ACTION' }),
    );
  });

  test('hands the signal to the run', async () => {
    registerAction('simple', SimpleAction);
    expect(await runAction('simple', { to: 'z' }, runtime(), { signal: AbortSignal.abort() })).toMatchObject({
      stopped: true,
    });
  });
});

test('a port that the runtime lacks is named', () => {
  expect(() => portOf(runtime(), 'storage')).toThrow(
    expect.objectContaining({ code: 'NO_PORT', message: expect.stringContaining("'storage'") }),
  );
});
