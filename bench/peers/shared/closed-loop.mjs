// The load of every peer whose client is JavaScript. It is copied into each peer's cache, beside the program that uses it.
import { createInterface } from 'node:readline';

/** The input of a saga and of each of its steps: 256 bytes as JSON. */
export const PAYLOAD = { text: 'x'.repeat(245) };

/**
 * Prints `ready`, then answers each line of stdin, `{inFlight, sagas}`, with one line: how many sagas completed and
 * failed, the seconds that took, and each one's milliseconds. A saga that ends is replaced until `sagas` have begun.
 */
export function serveLoads(saga) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    void run(saga, JSON.parse(line)).then((result) => console.log(JSON.stringify(result)));
  });
  console.log('ready');
}

async function run(saga, { inFlight, sagas }) {
  const latenciesMs = [];
  const failures = [];
  let begun = 0;
  const begin = performance.now();
  const lane = async () => {
    while (begun < sagas) {
      begun += 1;
      const at = performance.now();
      try {
        await saga();
        latenciesMs.push(Number((performance.now() - at).toFixed(3)));
      } catch (error) {
        failures.push(String(error?.cause ?? error));
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - begin) / 1_000;
  return { completed: latenciesMs.length, failures: failures.slice(0, 3), seconds, latenciesMs };
}

/** Tries until it succeeds, for as long as a server may need to come up. Throws the last error after `seconds`. */
export async function until(attempt, seconds = 90) {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
