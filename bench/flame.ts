/** A function and what it called, with the share of the process's busy time that was spent in both, from 0 to 1. */
export interface Flame {
  readonly name: string;
  readonly share: number;
  readonly children: readonly Flame[];
}

/** A profile as V8 writes it: samples of the stack, each by the id of its innermost function. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds that each sample stands for. */
  readonly timeDeltas: readonly number[];
}

/** What is less is left out: nobody could see it. */
const LEAST = 0.003;
/** Time in which the process did nothing, or the profiler itself did. */
const NOT_BUSY = new Set(['(idle)', '(program)', '(root)']);

/** Where the time of a busy process went. Calls that differ only in their place in a file are one. */
export function flameOf(profile: CpuProfile): Flame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = new Map<number, number>();
  for (const [at, id] of profile.samples.entries())
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[at] ?? 0));

  const grown = (ids: readonly number[]): Grown[] => {
    const byName = new Map<string, { time: number; ids: number[] }>();
    for (const id of ids) {
      const node = nodes.get(id);
      if (!node) continue;
      const name = nameOf(node.callFrame);
      const same = byName.get(name) ?? { time: 0, ids: [] };
      byName.set(name, same);
      if (!NOT_BUSY.has(name)) same.time += own.get(id) ?? 0;
      same.ids.push(...(node.children ?? []));
    }
    return [...byName].map(([name, { time, ids: inner }]) => {
      const children = grown(inner);
      return { name, time: time + sum(children), children };
    });
  };

  const [root] = profile.nodes;
  const top = root ? grown([root.id]) : [];
  const total = sum(top);
  const shown = ({ name, time, children }: Grown): Flame => ({
    name,
    share: Number((time / total).toFixed(4)),
    children: children
      .filter((child) => child.time / total >= LEAST)
      .toSorted((a, b) => b.time - a.time)
      .map(shown),
  });
  return { name: 'all', share: 1, children: top.flatMap(shown).flatMap(({ children }) => children) };
}

interface Grown {
  readonly name: string;
  readonly time: number;
  readonly children: readonly Grown[];
}

function sum(grown: readonly Grown[]): number {
  return grown.reduce((total, { time }) => total + time, 0);
}

/** The function, and the package or the folder of ours that it is in. */
function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const [, dependency, own] =
    /\/(?:node_modules\/(@[^/]+\/[^/]+|[^/]+)|libs\/([^/]+))\/(?!.*\/node_modules\/)/.exec(url) ?? [];
  const place = dependency ?? own ?? (url.startsWith('node:') ? 'node' : url === '' ? '' : 'bench');
  return place === '' ? name : `${name} (${place})`;
}
