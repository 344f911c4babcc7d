import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import type { Flame } from '../flame.js';
import type { Limit } from '../limits/limit.js';
import { SYSTEM, readFacts, readRows, runs } from '../row.js';
import type { Row } from '../row.js';
import type { Machine } from '../version.js';
import { chartsOf } from './charts.js';
import { measuredPart, withMeasured } from './page.js';
import { Results } from './results.js';
import type { Absent } from './results.js';

/**
 * `npm run bench:report`: makes the measured part of docs/performance.md, its charts and its rows, from the newest run
 * of `npm run bench` and the newest of `npm run bench:peers`; `--run a --peers b` names others.
 */
const { values } = parseArgs({ options: { run: { type: 'string' }, peers: { type: 'string' } } });
const hasPeers = (run: string): boolean => readRows(run).some(({ system }) => system !== SYSTEM);
// A run of the peers has W1 of ours, too, and nothing else of ours.
const hasOwn = (run: string): boolean =>
  readFacts(run).some(({ file }) => /^(limit-|counterstep-w(?!1-))/.test(file)) ||
  (readRows(run).length > 0 && !hasPeers(run));
const own = values.run ?? runs().findLast(hasOwn);
const peers = values.peers ?? runs().findLast(hasPeers);

const named = [...new Set([own, peers].filter((run) => run !== undefined))];
const used = named.filter((run) => readFacts(run).length > 0);
const facts = used.flatMap((run) => readFacts(run));
const ownRows = own === undefined ? [] : readRows(own);
const peerRows = peers === undefined ? [] : readRows(peers);
const results = new Results(
  ownRows,
  peerRows,
  factsNamed<Limit>('limit-'),
  factsNamed<Absent>('absent-'),
  factsNamed<Machine>('machine')[0],
  factsNamed<Record<string, Flame>>('flames')[0],
);

const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const folder = fileURLToPath(new URL('../../docs/performance', import.meta.url));
rmSync(folder, { recursive: true, force: true });
const charts = chartsOf(results);
if (used.length > 0) {
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of charts) writeFileSync(`${folder}/${name}`, svg);
  writeFileSync(`${folder}/rows.json`, oneRowPerLine([...new Set([...ownRows, ...peerRows])]));
}
const text = withMeasured(readFileSync(page, 'utf8'), measuredPart(results, used));
writeFileSync(page, await format(text, { ...(await resolveConfig(page)), parser: 'markdown' }));
console.log(`docs/performance.md: ${ownRows.length + peerRows.length} rows, ${charts.size} charts`);

function factsNamed<Found>(prefix: string): Found[] {
  return facts.filter(({ file }) => file.startsWith(prefix)).map(({ fact }) => fact as Found);
}

function oneRowPerLine(rows: readonly Row[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}
