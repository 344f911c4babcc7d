import { Catch, UseFilters, applyDecorators, type ExceptionFilter } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { NonRetryable, StepRejected, type Undo, type WithUndoData } from '@counterstep/core';
import type { Direction } from '@counterstep/protocol';
import type * as z from 'zod';
import type { StepContext } from '../context.js';
import type { CompensationHandlerOptions, StepHandlerOptions } from '../handlers.js';

/** Under which a method carries what its decorator said. */
export const HANDLER_METADATA = 'counterstep:handler';

export interface HandlerMetadata {
  readonly worker: string;
  readonly direction: Direction;
  readonly options: StepHandlerOptions | CompensationHandlerOptions;
}

/** A decorator for methods of the type `Method`, or of one that takes less. */
type HandlerDecorator<Method> = <T extends Method>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<T>,
) => void;

type StepMethod<Input extends z.ZodType, Output extends z.ZodType> = (
  input: z.output<Input>,
  context: StepContext<never>,
) =>
  z.input<Output> | WithUndoData<z.input<Output>> | Promise<z.input<Output> | WithUndoData<z.input<Output>>>;

type UndoMethod<Input extends z.ZodType, Output extends z.ZodType, Data extends z.ZodType> = (
  undo: Undo<z.output<Input>, z.output<Output>, z.output<Data>>,
  context: StepContext<never>,
) => unknown;

/**
 * Makes a provider's method the action of a step: `stepHandler` for Nest. It gets the parsed input and the `StepContext`;
 * guards, pipes, interceptors and filters work on it as on any RPC handler (`switchToRpc()` gives the two).
 */
export function StepHandler<Input extends z.ZodType = z.ZodUnknown, Output extends z.ZodType = z.ZodUnknown>(
  worker: string,
  options: StepHandlerOptions<Input, Output>,
): HandlerDecorator<StepMethod<Input, Output>> {
  return decorator({ worker, direction: 'forward', options });
}

/** Makes a provider's method the compensation of a step: `compensationHandler` for Nest. */
export function CompensationHandler<
  Input extends z.ZodType = z.ZodUnknown,
  Output extends z.ZodType = z.ZodUnknown,
  Data extends z.ZodType = z.ZodUnknown,
>(
  worker: string,
  options: CompensationHandlerOptions<Input, Output, Data>,
): HandlerDecorator<UndoMethod<Input, Output, Data>> {
  return decorator({ worker, direction: 'undo', options });
}

/**
 * Hands our two errors on as they are. Bound to the method, it comes before the filters of classes and of the application,
 * so that a catch-all there cannot turn a rejection into something else.
 */
@Catch(StepRejected, NonRetryable)
class PassOutcomes implements ExceptionFilter {
  catch(exception: Error): never {
    throw exception;
  }
}

function decorator(metadata: HandlerMetadata): MethodDecorator {
  const mark: MethodDecorator = (target, key, descriptor) => {
    Reflect.defineMetadata(HANDLER_METADATA, metadata, descriptor.value as object);
    const decorated = Reflect.hasMetadata(PARAM_ARGS_METADATA, target.constructor, key);
    if (decorated) return;
    // Pipes reach only parameters that are known to Nest.
    Payload()(target, key, 0);
    Ctx()(target, key, 1);
  };
  return applyDecorators(mark, UseFilters(PassOutcomes));
}
