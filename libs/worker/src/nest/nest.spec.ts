import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Catch,
  Controller,
  Injectable,
  Logger,
  Module,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CanActivate,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type INestMicroservice,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RpcException } from '@nestjs/microservices';
import { map, throwError, type Observable } from 'rxjs';
import * as z from 'zod';
import { MemoryBus } from '@counterstep/bus';
import { CommandClient } from '@counterstep/testing';
import {
  CompensationHandler,
  NonRetryable,
  StepHandler,
  StepRejected,
  WorkerModule,
  WorkerServer,
  withUndoData,
  workerTransport,
  type StepContext,
  type Undo,
} from '../index.js';

const barrier = 'none';

@Injectable()
class Ledger {
  readonly entries: string[] = [];
}

/** Lets only some sagas through. It is named by class, so Nest must make it and inject the ledger. */
@Injectable()
class OnlyKnownCustomers implements CanActivate {
  constructor(private readonly ledger: Ledger) {}
  canActivate(context: ExecutionContext): boolean {
    this.ledger.entries.push('guard');
    return context.switchToRpc().getData<{ customer: string }>().customer !== 'stranger';
  }
}

@Injectable()
class DoubleAmount implements PipeTransform {
  transform(value: unknown): unknown {
    const input = value as { amount?: number };
    return typeof input.amount === 'number' ? { ...input, amount: input.amount * 2 } : value;
  }
}

@Injectable()
class Stamp implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { attempt } = context.switchToRpc().getContext<StepContext>();
    return next.handle().pipe(map((output: object) => ({ ...output, stampedAt: attempt })));
  }
}

class BankError extends Error {}

@Catch(BankError)
class BankErrors implements ExceptionFilter {
  catch(): Observable<never> {
    return throwError(() => new StepRejected({ code: 'NO_FUNDS', message: 'the bank says no' }));
  }
}

/** The kind of catch-all that applications have: it would turn every error into an RpcException. */
@Catch()
class EverythingElse implements ExceptionFilter {
  catch(exception: Error): Observable<never> {
    return throwError(() => new RpcException(`caught: ${exception.message}`));
  }
}

const charge = z.object({ customer: z.string(), amount: z.number() });

@Injectable()
@UseFilters(EverythingElse)
class Payments {
  constructor(private readonly ledger: Ledger) {}

  @StepHandler('payments.charge', { barrier, input: charge, output: z.looseObject({ charged: z.number() }) })
  @UseGuards(OnlyKnownCustomers)
  @UsePipes(DoubleAmount)
  @UseInterceptors(Stamp)
  charge(input: z.infer<typeof charge>, context: StepContext): { charged: number; saga: string } {
    this.ledger.entries.push('handler');
    return { charged: input.amount, saga: context.sagaId };
  }

  @CompensationHandler('payments.refund', { barrier, input: charge })
  refund(undo: Undo<z.infer<typeof charge>>): unknown {
    return withUndoData({ refunded: undo.input.amount }, { by: 'nest' });
  }

  @StepHandler('payments.refuse', { barrier })
  refuse(): never {
    throw new StepRejected({ code: 'NO_FUNDS', message: 'no funds' });
  }

  @StepHandler('payments.break', { barrier })
  break(): never {
    throw new NonRetryable({ code: 'CLOSED', message: 'closed' });
  }

  @StepHandler('payments.crash', { barrier })
  crash(): never {
    throw new Error('boom');
  }

  @StepHandler('payments.wait', { barrier })
  async wait(_input: unknown, { heartbeat, signal }: StepContext): Promise<never> {
    await heartbeat({ begun: true });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('aborted');
  }

  @StepHandler('payments.map', { barrier })
  @UseFilters(BankErrors)
  mapped(): never {
    throw new BankError('51');
  }
}

describe('handlers in a Nest microservice', () => {
  let bus: MemoryBus;
  let client: CommandClient;
  let app: INestMicroservice | undefined;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    bus = new MemoryBus();
    client = await CommandClient.open(bus, ['payments']);
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await bus.close();
  });
  const boot = async (providers: Provider[], controllers: Type[] = []): Promise<INestMicroservice> => {
    @Module({ imports: [WorkerModule.forRoot({ bus })], providers, controllers })
    class App {}
    app = await NestFactory.createMicroservice(App, workerTransport());
    await app.listen();
    return app;
  };

  test('guard, pipe and interceptor act on a handler', async () => {
    const service = await boot([Payments, Ledger]);
    const command = client.command('payments.charge', { customer: 'anna', amount: 5 }, { attempt: 2 });
    expect(await client.ask(command)).toMatchObject({
      outcome: 'succeeded',
      data: { output: { charged: 10, saga: command.sagaid, stampedAt: 2 } },
    });
    expect(service.get(Ledger).entries).toEqual(['guard', 'handler']);
  });

  test('what a guard refuses fails, and the handler does not run', async () => {
    const service = await boot([Payments, Ledger]);
    const reply = await client.ask(client.command('payments.charge', { customer: 'stranger', amount: 5 }));
    expect(reply.outcome).toBe('failed');
    expect(service.get(Ledger).entries).toEqual(['guard']);
  });

  test('a global interceptor acts too', async () => {
    @Module({ imports: [WorkerModule.forRoot({ bus })], providers: [Payments, Ledger] })
    class App {}
    app = await NestFactory.createMicroservice(App, workerTransport());
    app.useGlobalInterceptors(new Stamp());
    await app.listen();
    const forward = client.command('payments.charge', { customer: 'anna', amount: 5 });
    const reply = await client.ask(client.undoOf(forward, 'payments.refund', 'unknown'));
    expect(reply.data.output).toMatchObject({ stampedAt: 1 });
  });

  test.each([
    ['payments.refuse', 'rejected', { code: 'NO_FUNDS', message: 'no funds', retryable: false }],
    ['payments.break', 'failed', { code: 'CLOSED', message: 'closed', retryable: false }],
  ])('%s: our error passes a catch-all filter of the class', async (worker, outcome, error) => {
    await boot([Payments, Ledger]);
    expect(await client.ask(client.command(worker, {}))).toMatchObject({ outcome, data: { error } });
  });

  test('a handler sends heartbeats, and a notice ends it whatever the filters make of its error', async () => {
    await boot([Payments, Ledger]);
    const command = client.command('payments.wait', {});
    await client.send(command);
    expect(await client.heartbeat(() => true)).toMatchObject({ data: { undoData: { begun: true } } });
    await client.notify(command, 'cancelled');
    const message = 'the saga is being undone: caught: aborted';
    expect(await client.reply(() => true)).toMatchObject({
      outcome: 'failed',
      data: { error: { code: 'CANCELLED', message, retryable: false } },
    });
  });

  test('any other error goes through the filters', async () => {
    await boot([Payments, Ledger]);
    expect(await client.ask(client.command('payments.crash', {}))).toMatchObject({
      outcome: 'failed',
      data: { error: { message: 'caught: boom', retryable: true } },
    });
  });

  test('a filter can turn an error of the application into a rejection', async () => {
    await boot([Payments, Ledger]);
    expect(await client.ask(client.command('payments.map', {}))).toMatchObject({
      outcome: 'rejected',
      data: { error: { code: 'NO_FUNDS', message: 'the bank says no' } },
    });
  });

  test('a compensation gets its undo, and undo data pass the pipeline', async () => {
    await boot([Payments, Ledger]);
    const forward = client.command('payments.charge', { customer: 'anna', amount: 5 });
    const reply = await client.ask(client.undoOf(forward, 'payments.refund', 'unknown'));
    expect(reply).toMatchObject({ data: { output: { refunded: 5 }, undoData: { by: 'nest' } } });
  });

  test('health is that of the worker, and close drains it', async () => {
    const service = await boot([Payments, Ledger]);
    const server = service.get(WorkerServer);
    await client.ask(client.command('payments.charge', { customer: 'anna', amount: 5 }));
    expect(server.health()).toEqual({ ready: true, inFlight: 0 });
    await service.close();
    expect(server.health()).toMatchObject({ ready: false, reason: 'the worker stops' });
  });

  test('a provider made by a factory, and known by two tokens, is served once', async () => {
    const made = { provide: 'made', inject: [Ledger], useFactory: (ledger: Ledger) => new Payments(ledger) };
    await boot([made, { provide: 'alias', useExisting: 'made' }, Ledger]);
    const command = client.command('payments.charge', { customer: 'anna', amount: 5 });
    expect(await client.ask(command)).toMatchObject({ outcome: 'succeeded' });
  });

  test('handlers on a controller are refused with the mend', async () => {
    @Controller()
    class Wrong {
      @StepHandler('payments.charge', { barrier })
      charge(): object {
        return {};
      }
    }
    await expect(boot([], [Wrong])).rejects.toThrow('list Wrong under `providers`');
  });

  test('handlers on a request-scoped provider are refused', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @StepHandler('payments.charge', { barrier })
      charge(): object {
        return {};
      }
    }
    await expect(boot([Scoped])).rejects.toThrow('request-scoped');
  });
});
