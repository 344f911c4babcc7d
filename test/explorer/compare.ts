import { join } from 'node:path';
import { compareWalks } from './compare-walks.js';
import { rulesAt } from './rules.js';
import { SHAPES } from './shapes.js';
import { tellWalk } from './walk-all.js';

// `npm run verify:deep`: that what the walks forget changes nothing. The same without forgetting, as far as 160,000 states go.
const rules = await rulesAt(join(import.meta.dirname, '..', '..'));
const began = performance.now();
const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);

const both = SHAPES.map((shape) => {
  const compared = compareWalks(rules, shape, 160_000);
  console.log(`${tellWalk(compared.walk)}: ${compared.verdict}`);
  return compared;
});
const whole = both.filter(({ verdict }) => verdict === 'the same');
const differing = both.filter(({ verdict }) => verdict === 'DIFFERENT');
console.log(
  `\n${whole.length} of ${both.length} shapes reach the same, ${differing.length} differ, ${seconds()} s`,
);
process.exitCode = differing.length > 0 ? 1 : 0;
