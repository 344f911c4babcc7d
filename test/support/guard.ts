import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

export interface Guard {
  /** Ends the guard without running its command. */
  release(): Promise<void>;
}

/**
 * Runs `command` (sh) when this process is gone, however it went: a small shell waits for the end of a pipe that only
 * this process holds open, which not even kill -9 can prevent.
 */
export function guard(command: string): Guard {
  const shell = spawn('sh', ['-c', `read -r _ || { ${command}; }`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A Ctrl-C at the terminal reaches the whole process group; the guard must outlive it.
    detached: true,
  });
  const gone = once(shell, 'exit');
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as Socket).unref();
  return {
    async release() {
      shell.ref();
      shell.stdin.end('released\n');
      await gone;
    },
  };
}

/** Sends `signal` to the process whose id stands in the first line of `pidFile`, and waits up to 5 s until it is gone. */
export function endProcess(pidFile: string, signal: 'INT' | 'KILL'): string {
  const pid = `pid=$(head -n 1 ${quote(pidFile)})`;
  const gone = 'for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $pid || break; sleep 0.5; done';
  return `${pid} && [ -n "$pid" ] && { kill -s ${signal} $pid; ${gone}; kill -s KILL $pid; }`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
