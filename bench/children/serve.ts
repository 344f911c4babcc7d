import { createInterface } from 'node:readline';

/** What the parent may ask a measured process for, each with one argument. */
export type Questions = Readonly<Record<string, (argument: never) => unknown>>;

/**
 * Answers the parent: a line of JSON in, a line of JSON out, one after the other. Ends this process when the parent is
 * gone, so that nothing is left behind even after kill -9.
 */
export function serve(questions: Questions): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { ask, argument } = JSON.parse(line) as { ask: string; argument: never };
    const question = questions[ask];
    Promise.resolve(argument)
      .then((given) => {
        if (!question) throw new Error(`no such question: ${ask}`);
        return question(given);
      })
      .then(
        (answer: unknown) => tell({ answer: answer ?? null }),
        (error: unknown) =>
          tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  lines.on('close', () => process.exit(0));
  tell({ answer: 'ready' });
}

function tell(message: unknown): void {
  console.log(JSON.stringify(message));
}
