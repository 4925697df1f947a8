/** Work dealt out to ranks so that all are done at about the same time. */

/**
 * The rank of each piece of work: the largest first, each to the rank that has least so far (Graham, "Bounds
 * on multiprocessing timing anomalies", 1969: never more than 4/3 of the best there is). The same on every
 * rank that has the same sizes.
 *
 * @param sizes of the pieces, at least 0, in any unit.
 */
export function dealBySize(sizes: readonly number[], ranks: number): number[] {
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const loads = new Array<number>(ranks).fill(0);
  const owners = new Array<number>(sizes.length).fill(0);
  for (const i of order) {
    let least = 0;
    for (let rank = 1; rank < ranks; rank++) if (loads[rank]! < loads[least]!) least = rank;
    owners[i] = least;
    // A piece without a size is work all the same.
    loads[least]! += Math.max(1, sizes[i]!);
  }
  return owners;
}

/** The part of `length` things, in a row, that is one rank's: as many as any other's, or one more or less. */
export function evenShare(length: number, rank: number, ranks: number): { from: number; to: number } {
  return { from: Math.floor((length * rank) / ranks), to: Math.floor((length * (rank + 1)) / ranks) };
}
