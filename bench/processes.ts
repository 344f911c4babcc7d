import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

export { cpuSeconds, rssMb } from './usage.js';

/** However a measurement goes wrong, it ends. */
const ANSWER_MS = 600_000;

/** A measured process: a built file of this folder, run by node, that answers questions (children/serve.ts). */
export class Measured {
  readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private wake: () => void = () => undefined;

  constructor(
    folder: string,
    private readonly file: string,
    env: Readonly<Record<string, string>>,
    // BENCH_PROFILE names a folder for CPU profiles, to be opened in a browser's developer tools.
    profile = process.env['BENCH_PROFILE'],
  ) {
    const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
    this.child = spawn(process.execPath, [...flags, join(folder, file)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // What is written to one that was killed is nobody's loss: its answer does not come.
    this.child.stdin?.on('error', () => undefined);
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.lines.push(line);
        this.wake();
      });
    this.child.once('exit', () => {
      this.wake();
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when it can be asked. */
  async ready(): Promise<void> {
    await this.answer();
  }

  /** Asks, and gives the answer. Questions must not overlap. Rejects when it fails, ends, or takes ten minutes. */
  ask(question: string, argument?: unknown): Promise<unknown> {
    this.child.stdin?.write(`${JSON.stringify({ ask: question, argument })}\n`);
    return this.answer();
  }

  /** An orderly end. */
  end(): Promise<void> {
    return this.stop('SIGTERM');
  }

  kill(): Promise<void> {
    return this.stop('SIGKILL');
  }

  private async answer(): Promise<unknown> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined) {
        const { answer, error } = JSON.parse(line) as { answer?: unknown; error?: string };
        if (error !== undefined) throw new Error(`${this.file}: ${error}`);
        return answer;
      }
      if (this.isGone)
        throw new Error(`${this.file} ended with ${this.child.exitCode ?? this.child.signalCode}`);
      if (Date.now() >= deadline) throw new Error(`${this.file} does not answer`);
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, deadline - Date.now());
        this.wake = () => {
          clearTimeout(patience);
          resolve();
        };
      });
    }
  }

  private async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.isGone) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(patience);
  }
}
