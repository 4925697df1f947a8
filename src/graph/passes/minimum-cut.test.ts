import { describe, expect, it } from 'vitest';
import { Random } from '../../random/index.js';
import { type FlowEdge, minimumCut } from './minimum-cut.js';

const capacityOf = (edges: readonly FlowEdge[], atSource: (vertex: number) => boolean) =>
  edges.reduce((sum, { from, to, capacity }) => (atSource(from) && !atSource(to) ? sum + capacity : sum), 0);

describe('minimumCut', () => {
  it('cuts as little as the best of all divisions', () => {
    for (let network = 0; network < 40; network++) {
      const random = new Random(network, 'network');
      const count = 7;
      const edges = Array.from({ length: 16 }, (): FlowEdge => {
        const capacity = random.chance(0.1) ? Infinity : 1 + random.integer(9);
        return { from: random.integer(count), to: random.integer(count), capacity };
      });
      const divisions = Array.from({ length: 2 ** count }, (_, bits) => bits).filter(
        (bits) => bits & 1 && !(bits & (1 << (count - 1))),
      );
      const best = Math.min(
        ...divisions.map((bits) => capacityOf(edges, (vertex) => (bits & (1 << vertex)) > 0)),
      );
      if (best === Infinity) {
        expect(() => minimumCut(count, edges, 0, count - 1)).toThrow(/every cut/);
        continue;
      }
      const side = minimumCut(count, edges, 0, count - 1);
      expect([side[0], side[count - 1]]).toEqual([true, false]);
      expect(capacityOf(edges, (vertex) => side[vertex]!)).toBe(best);
    }
  });
});
