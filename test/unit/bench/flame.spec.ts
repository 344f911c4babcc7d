import { describe, expect, it } from '@jest/globals';
import { flameOf } from '../../../bench/flame.js';
import { flameGraph } from '../../../bench/report/flame-graph.js';

const node = (id: number, functionName: string, url: string, children: readonly number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
});

const profile = {
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 5]),
    node(2, '(idle)', ''),
    node(3, 'turn', 'file:///srv/app/libs/engine/dist/lane.js', [6, 7]),
    node(4, '(garbage collector)', ''),
    node(5, 'rare', 'node:fs'),
    // The same function, called from two lines.
    node(6, 'send', 'file:///srv/app/node_modules/kafkajs/src/a.js'),
    node(7, 'send', 'file:///srv/app/node_modules/kafkajs/src/a.js'),
  ],
  samples: [2, 3, 6, 7, 4, 5],
  timeDeltas: [50_000, 2_000, 3_000, 1_000, 4_000, 20],
};

describe('a flame graph', () => {
  it('shares out the time in which the process was busy, by who called whom', () => {
    expect(flameOf(profile)).toEqual({
      name: 'all',
      share: 1,
      children: [
        {
          name: 'turn (engine)',
          share: 0.5988,
          children: [{ name: 'send (kafkajs)', share: 0.3992, children: [] }],
        },
        { name: '(garbage collector)', share: 0.3992, children: [] },
      ],
    });
  });

  it('is drawn with each box below its caller, and tells each share', () => {
    const svg = flameGraph('where it <goes>', flameOf(profile));
    expect(svg).toContain('where it &lt;goes&gt;');
    expect(svg).toMatch(/<title>turn \(engine\): 59\.9 %<\/title><rect class="ours" x="8" y="60"/);
    expect(svg).toMatch(/<title>send \(kafkajs\): 39\.9 %<\/title><rect class="kafkajs" x="8" y="77"/);
    expect(svg).toMatch(/<title>\(garbage collector\): 39\.9 %<\/title><rect class="gc" x="657/);
  });
});
