import { shown } from './numbers.js';
import { escaped, tenth } from './svg.js';

export interface Bar {
  readonly label: string;
  /** One for each of the chart's parts, laid end to end. */
  readonly values: readonly number[];
  /** Behind the bar; the sum of the values when absent. */
  readonly text?: string;
  /** It is ours: in the strong colour. */
  readonly isOurs?: boolean;
}

export interface Chart {
  readonly title: string;
  /** What the lengths mean, with the unit. */
  readonly subtitle: string;
  /** Names of the parts that each bar is made of, for the legend; none for plain bars. */
  readonly parts?: readonly string[];
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LEFT = 190;
/** Room for the text behind the longest bar. */
const RIGHT = 190;
const TOP = 64;
const LINE = 32;
const BAR = 20;

/** Colours that tell their parts apart for most eyes, on a light and on a dark ground. */
const STYLE = `
  .ground { fill: #ffffff; } .ink { fill: #1f2328; } .faint { fill: #59636e; }
  .p0 { fill: #9aa4b0; } .p1 { fill: #d97706; } .p2 { fill: #0d9488; } .p3 { fill: #7c3aed; } .ours { fill: #2563eb; }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; } .title { font-size: 16px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } .ink { fill: #e6edf3; } .faint { fill: #9198a1; }
    .p0 { fill: #6e7681; } .p1 { fill: #f0a43c; } .p2 { fill: #2dd4bf; } .p3 { fill: #a78bfa; } .ours { fill: #5b9dff; }
  }`;

/** Horizontal bars as an SVG that reads well on a light and on a dark page. */
export function barChart({ title, subtitle, parts = [], bars }: Chart): string {
  const legend = parts.length > 0 ? LINE : 0;
  const height = TOP + legend + bars.length * LINE + 12;
  const longest = Math.max(...bars.map(({ values }) => sum(values)), Number.MIN_VALUE);
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="ink title" x="16" y="28">${escaped(title)}</text>`,
    `<text class="faint" x="16" y="48">${escaped(subtitle)}</text>`,
    ...legendOf(parts),
    ...bars.flatMap((bar, index) => barLines(bar, TOP + legend + index * LINE, scale, parts.length > 0)),
    '</svg>',
    '',
  ].join('\n');
}

function barLines(bar: Bar, y: number, scale: number, isParted: boolean): string[] {
  const middle = y + BAR / 2 + 5;
  let x = LEFT;
  const rectangles = bar.values.map((value, index) => {
    const width = Math.max(1, value * scale);
    const colour = isParted ? colourOf(index) : bar.isOurs ? 'ours' : 'p0';
    const rectangle = `<rect class="${colour}" x="${tenth(x)}" y="${y}" width="${tenth(width)}" height="${BAR}" rx="2"/>`;
    x += width;
    return rectangle;
  });
  return [
    `<text class="ink" x="${LEFT - 10}" y="${middle}" text-anchor="end">${escaped(bar.label)}</text>`,
    ...rectangles,
    `<text class="ink" x="${tenth(x + 8)}" y="${middle}">${escaped(bar.text ?? shown(sum(bar.values)))}</text>`,
  ];
}

function legendOf(parts: readonly string[]): string[] {
  return parts.flatMap((part, index) => [
    `<rect class="${colourOf(index)}" x="${LEFT + index * 120}" y="${TOP}" width="12" height="12" rx="2"/>`,
    `<text class="faint" x="${LEFT + index * 120 + 18}" y="${TOP + 11}">${escaped(part)}</text>`,
  ]);
}

/** The first part is ours. */
function colourOf(index: number): string {
  return index === 0 ? 'ours' : `p${index}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
