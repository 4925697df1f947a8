/** The minimum cut of a network, found by the maximum flow through it (Edmonds & Karp 1972). */

/** A directed edge. Infinity for one that must not be cut. */
export interface FlowEdge {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

/**
 * Divides the vertices 0 … count − 1 into the side of `source` and that of `sink` such that the capacities of the edges
 * from the first to the second add up to the least. Of several such divisions, the one with the fewest vertices at the
 * source.
 *
 * @returns for each vertex, whether it is on the side of `source`.
 * @throws Error if every division cuts an infinite edge.
 */
export function minimumCut(
  count: number,
  edges: readonly FlowEdge[],
  source: number,
  sink: number,
): boolean[] {
  // Arc 2i is edge i, arc 2i + 1 takes its flow back.
  const ends = edges.flatMap(({ from, to }) => [to, from]);
  const left = edges.flatMap(({ capacity }) => [capacity, 0]);
  const arcs = Array.from({ length: count }, (): number[] => []);
  edges.forEach(({ from, to }, i) => {
    arcs[from]!.push(2 * i);
    arcs[to]!.push(2 * i + 1);
  });
  for (;;) {
    /** The arc by which each vertex was reached. */
    const reachedBy = new Array<number | undefined>(count).fill(undefined);
    const queue = [source];
    for (const vertex of queue) {
      for (const arc of arcs[vertex]!) {
        const next = ends[arc]!;
        if (left[arc]! <= 0 || next === source || reachedBy[next] !== undefined) continue;
        reachedBy[next] = arc;
        queue.push(next);
      }
    }
    if (reachedBy[sink] === undefined)
      return reachedBy.map((arc, vertex) => vertex === source || arc !== undefined);
    const path: number[] = [];
    for (let vertex = sink; vertex !== source; vertex = ends[path.at(-1)! ^ 1]!)
      path.push(reachedBy[vertex]!);
    const flow = Math.min(...path.map((arc) => left[arc]!));
    if (flow === Infinity) throw new Error('every cut of the network has an infinite edge');
    for (const arc of path) {
      left[arc]! -= flow;
      left[arc ^ 1]! += flow;
    }
  }
}
