import { Injectable } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
import { isObservable, lastValueFrom } from 'rxjs';
import { WorkerConfigError } from '../errors.js';
import { defineHandler, type Handler } from '../handlers.js';
import { HANDLER_METADATA, type HandlerMetadata } from './step-handler.decorator.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (...args: unknown[]) => unknown;

const CONTEXT: number = RpcParamtype.CONTEXT;

/** Which argument of the pipeline a decorated parameter is: `@Payload()` the input, `@Ctx()` the context. */
const PARAMETERS = {
  exchangeKeyForValue(type: number, field: unknown, [input, context]: unknown[]): unknown {
    if (type === CONTEXT) return context;
    return typeof field === 'string' ? (input as Record<string, unknown> | undefined)?.[field] : input;
  },
};

/** Finds the decorated methods of an application and puts Nest's pipeline around each. */
@Injectable()
export class HandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly pipeline: ExternalContextCreator,
  ) {}

  /** Throws `WorkerConfigError` for handlers that could not be served rightly. */
  explore(): Handler[] {
    for (const wrapper of this.discovery.getControllers()) this.refuseController(wrapper);
    const seen = new Set<object>();
    return this.discovery.getProviders().flatMap((wrapper) => {
      const methods = this.methodsOf(wrapper);
      if (methods.length === 0) return [];
      if (!wrapper.isDependencyTreeStatic()) {
        throw new WorkerConfigError(
          `${wrapper.name} has step handlers, so it cannot be request-scoped or transient`,
        );
      }
      const instance = wrapper.instance as Record<string, Method>;
      // One object may be provided under several tokens.
      if (seen.has(instance)) return [];
      seen.add(instance);
      return methods.map(([name, metadata]) => this.handlerOf(instance, name, metadata));
    });
  }

  private handlerOf(instance: Record<string, Method>, name: string, metadata: HandlerMetadata): Handler {
    const all = { guards: true, interceptors: true, filters: true };
    const callback = instance[name] as Method;
    const run = this.pipeline.create(
      instance,
      callback,
      name,
      PARAM_ARGS_METADATA,
      PARAMETERS,
      undefined,
      undefined,
      all,
      'rpc',
    ) as Method;
    return defineHandler(metadata.worker, metadata.direction, metadata.options, async (input, context) => {
      const result = await run(input, context);
      // A filter for RPC answers with an Observable.
      return isObservable(result) ? lastValueFrom(result) : result;
    });
  }

  private methodsOf(wrapper: Wrapper): [string, HandlerMetadata][] {
    // A value or factory provider has no class of its own, or one that is not the object's.
    const ofObject = wrapper.isNotMetatype || !wrapper.metatype;
    const instance: unknown = wrapper.instance;
    if (ofObject && (typeof instance !== 'object' || instance === null)) return [];
    const prototype: unknown = ofObject ? Object.getPrototypeOf(instance) : wrapper.metatype?.prototype;
    if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((name): [string, HandlerMetadata][] => {
      const method = (prototype as Record<string, unknown>)[name] as object;
      const metadata = Reflect.getMetadata(HANDLER_METADATA, method) as HandlerMetadata | undefined;
      return metadata ? [[name, metadata]] : [];
    });
  }

  /** Nest builds this pipeline for providers only: on a controller, guards named by class would silently not be there. */
  private refuseController(wrapper: Wrapper): void {
    const [first] = this.methodsOf(wrapper);
    if (!first) return;
    const [method, { worker }] = first;
    throw new WorkerConfigError(
      `${wrapper.name}.${method} (${worker}): list ${wrapper.name} under \`providers\`, not \`controllers\``,
    );
  }
}
