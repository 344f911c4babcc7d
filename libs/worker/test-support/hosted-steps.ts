import { BaseStep, BaseStepContext, StepRegistry, StepResult, type RuntimeContext } from '@counterstep/steps';
import type { HostedRuntime } from '../src/index.js';

/** A context with a bit of everything that travels, and one field that does not. */
export class TripContext extends BaseStepContext {
  stops: { city: string; nights: number }[] = [];
  note: string | null = null;
  label?: string;
  total: number | undefined = 5;
  readonly extras: Record<string, unknown> = {};
  /** Not JSON: each context has its own. */
  readonly cache = new Map<string, number>();

  constructor(
    runtimeCtx: RuntimeContext,
    readonly traveller: string,
  ) {
    super(runtimeCtx);
  }

  /** Only for steps that a worker hosts. */
  get hosted(): HostedRuntime {
    return this.runtimeCtx as HostedRuntime;
  }

  get nights(): number {
    return this.stops.reduce((sum, stop) => sum + stop.nights, 0);
  }

  stay(city: string, nights: number): void {
    this.stops.push({ city, nights });
  }
}

type Returned = Promise<StepResult> | StepResult;

/** What a step does; whatever is left out goes well. */
export interface Behaviour {
  readonly weight?: number;
  readonly execute?: (context: TripContext, signal: AbortSignal) => unknown;
  readonly canSkip?: (context: TripContext) => unknown;
  readonly rollback?: (context: TripContext, result: StepResult, signal: AbortSignal) => unknown;
}

class TripStep extends BaseStep<TripContext> {
  constructor(
    readonly name: string,
    readonly progressWeight: number,
    readonly behaviour: Behaviour,
  ) {
    super();
  }
  override canSkip(context: TripContext): boolean {
    return (this.behaviour.canSkip?.(context) ?? false) as boolean;
  }
  execute(context: TripContext, signal: AbortSignal): Returned {
    const { execute = () => new StepResult() } = this.behaviour;
    return execute(context, signal) as Returned;
  }
  override rollback(context: TripContext, result: StepResult, signal: AbortSignal): Promise<void> | void {
    return this.behaviour.rollback?.(context, result, signal) as Promise<void> | void;
  }
}

export const step = (name: string, behaviour: Behaviour = {}): BaseStep<TripContext> =>
  new TripStep(name, behaviour.weight ?? 1, behaviour);

export function registryOf(...steps: BaseStep<TripContext>[]): StepRegistry<TripContext> {
  const registry = new StepRegistry<TripContext>();
  for (const one of steps) registry.register(one);
  return registry;
}

/** For a workflow of trips. */
export const TRIP = {
  createContext: (runtimeCtx: RuntimeContext, input: Readonly<Record<string, unknown>>): TripContext =>
    new TripContext(runtimeCtx, (input['traveller'] as string | undefined) ?? 'nobody'),
  local: ['cache'],
  retry: { initialDelay: 1, maxDelay: 5 },
  undoRetry: { initialDelay: 1, maxDelay: 5 },
} as const;

export const ok = (data: object = {}, rollbackData: object = {}): StepResult =>
  new StepResult({ data: data as Record<string, unknown>, rollbackData });
