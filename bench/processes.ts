import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A measured process: a TypeScript file of this folder, run by node. */
export class Measured {
  readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private wake: () => void = () => undefined;

  constructor(file: string, env: Readonly<Record<string, string>>) {
    const loader = fileURLToPath(new URL('../test/support/typescript.mjs', import.meta.url));
    const script = fileURLToPath(new URL(file, import.meta.url));
    // BENCH_PROFILE names a folder for CPU profiles, to be opened in a browser's developer tools.
    const profile = process.env['BENCH_PROFILE'];
    const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
    this.child = spawn(process.execPath, [...flags, '--import', loader, script], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
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

  /** The next line that it prints. Rejects when it ends first. */
  async line(): Promise<string> {
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined) return line;
      if (this.child.exitCode !== null)
        throw new Error(`a measured process ended with ${this.child.exitCode}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
  }
}

/** CPU seconds that the process and all below it have used, from /proc; 0 where there is none. */
export function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const parents = new Map<number, number[]>();
    const used = new Map<number, number>();
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = statOf(Number(name));
      if (!stat) continue;
      used.set(Number(name), stat.seconds);
      parents.set(stat.parent, [...(parents.get(stat.parent) ?? []), Number(name)]);
    }
    const sum = (each: number): number =>
      (used.get(each) ?? 0) + (parents.get(each) ?? []).reduce((total, child) => total + sum(child), 0);
    return sum(pid);
  } catch {
    return 0;
  }
}

function statOf(pid: number): { parent: number; seconds: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // Fields 4, 14, 15, 16 and 17 of proc(5): parent, own and waited-for children's user and system time, in ticks of 10 ms.
    return {
      parent: Number(fields[1]),
      seconds: (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / 100,
    };
  } catch {
    return undefined;
  }
}
