import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { guard, type Guard } from '../../test/support/guard.js';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its standard error goes, and its standard output when `lines` is false. */
  readonly log: string;
  /** Its standard output is read by `line`. */
  readonly lines?: boolean;
}

/** A process that is stopped by its id, and that is gone when this process is, even after kill -9. */
export class Program {
  private readonly child: ChildProcess;
  private readonly watch: Guard;
  private readonly lines: string[] = [];
  private wake: () => void = () => undefined;

  constructor(
    private readonly name: string,
    command: string,
    args: readonly string[],
    private readonly options: ProgramOptions,
  ) {
    const log = openSync(options.log, 'a');
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', options.lines ? 'pipe' : log, log],
      // A Ctrl-C at the terminal must not reach it before it is stopped in order.
      detached: true,
    });
    closeSync(log);
    this.child.once('error', () => this.wake());
    this.child.once('exit', () => this.wake());
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.lines.push(line);
        this.wake();
      });
    this.watch = guard(`kill -s KILL ${this.pid}`);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get ended(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  send(line: unknown): void {
    this.child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** The next line that it prints. Rejects when it ends first, or after `seconds`. */
  async line(seconds: number): Promise<string> {
    const end = performance.now() + seconds * 1_000;
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined) return line;
      if (this.ended) throw new Error(`${this.name} ended: see ${this.options.log}`);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${this.name} said nothing for ${seconds} s: see ${this.options.log}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Asks it to end, and kills it when it has not after 10 s. */
  async stop(): Promise<void> {
    if (!this.ended) this.child.kill('SIGTERM');
    await this.gone();
  }

  /** Waits until it has ended, and kills it when it has not after 10 s. */
  async gone(): Promise<void> {
    if (!this.ended) {
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
      await once(this.child, 'exit');
      clearTimeout(timer);
    }
    await this.watch.release();
  }
}
