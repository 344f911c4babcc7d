import type { Flame } from '../flame.js';
import { escaped, tenth } from './svg.js';

const WIDTH = 1_100;
const TOP = 60;
const LINE = 17;
const MARGIN = 8;
/** Of a letter, about. */
const LETTER = 6.2;
/** Stacks go deeper; what is in there is too narrow to be read. */
const DEEPEST = 32;

const STYLE = `
  .ground { fill: #ffffff; } .ink { fill: #1f2328; } .faint { fill: #59636e; } .gc { fill: #f4b4ab; }
  .ours { fill: #b6d2fb; } .kafkajs { fill: #fbd9a5; } .pg { fill: #a7e3dc; } .node { fill: #dfe3e8; } .other { fill: #d9c8f7; }
  text { font: 11px system-ui, -apple-system, 'Segoe UI', sans-serif; pointer-events: none; }
  .title { font-size: 16px; font-weight: 600; } .legend { font-size: 12px; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } .ink { fill: #e6edf3; } .faint { fill: #9198a1; } .gc { fill: #7d2f26; }
    .ours { fill: #1f4a8a; } .kafkajs { fill: #7a5212; } .pg { fill: #14594f; } .node { fill: #373e47; } .other { fill: #4c3585; }
  }`;

const LEGEND = [
  ['ours', 'Counterstep'],
  ['kafkajs', 'kafkajs'],
  ['pg', 'pg'],
  ['other', 'other packages, the load'],
  ['node', 'Node'],
  ['gc', 'garbage collector'],
] as const;
const OURS = new Set(['bus', 'core', 'engine', 'protocol', 'store', 'worker']);

/** Callers above, what they called below them, as wide as the time it took; an SVG for a light and a dark page. */
export function flameGraph(title: string, flame: Flame): string {
  const boxes = boxesOf(flame.children, MARGIN, 0);
  const height = TOP + (Math.max(0, ...boxes.map(({ depth }) => depth)) + 1) * LINE + MARGIN;
  const legend = LEGEND.map(
    ([kind, words], index) =>
      `<rect class="${kind}" x="${MARGIN + index * 178}" y="38" width="12" height="12" rx="2"/><text class="faint legend" x="${MARGIN + index * 178 + 17}" y="48">${words}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="ink title" x="${MARGIN}" y="24">${escaped(title)}</text>`,
    ...legend,
    ...boxes.map(drawn),
    '</svg>',
    '',
  ].join('\n');
}

interface Box {
  readonly flame: Flame;
  readonly x: number;
  readonly width: number;
  readonly depth: number;
}

function boxesOf(flames: readonly Flame[], from: number, depth: number): Box[] {
  if (depth >= DEEPEST) return [];
  let x = from;
  return flames.flatMap((flame) => {
    const width = flame.share * (WIDTH - 2 * MARGIN);
    const inner = boxesOf(flame.children, x, depth + 1);
    const box = { flame, x, width, depth };
    x += width;
    return [box, ...inner];
  });
}

function drawn({ flame: { name, share }, x, width, depth }: Box): string {
  const y = TOP + depth * LINE;
  const letters = Math.floor((width - 6) / LETTER);
  const label = name.length <= letters ? name : `${name.slice(0, Math.max(0, letters - 1))}…`;
  const text =
    letters < 3 ? '' : `<text class="ink" x="${tenth(x + 3)}" y="${y + 12}">${escaped(label)}</text>`;
  const percent = `${(share * 100).toFixed(1)} %`;
  return `<g><title>${escaped(name)}: ${percent}</title><rect class="${kindOf(name)}" x="${tenth(x)}" y="${y}" width="${tenth(Math.max(0.5, width - 0.5))}" height="${LINE - 1}"/>${text}</g>`;
}

function kindOf(name: string): string {
  if (name === '(garbage collector)') return 'gc';
  const place = /\(([^()]+)\)$/.exec(name)?.[1] ?? 'node';
  if (place === 'kafkajs' || place === 'node') return place;
  if (place === 'pg' || place === 'pg-protocol' || place === 'pg-pool') return 'pg';
  return OURS.has(place) ? 'ours' : name.startsWith('(') ? 'node' : 'other';
}
