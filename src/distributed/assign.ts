/** Divides work between ranks so that all of them finish at about the same time. */

/**
 * The rank of each piece of work. Goes through the pieces from the largest to the smallest and assigns each to the
 * rank with the least work so far. The total time is at most 4/3 of the optimum (Graham, "Bounds on multiprocessing
 * timing anomalies", 1969). The result is the same on every rank that has the same sizes.
 *
 * @param sizes sizes of the pieces, at least 0, in any unit.
 */
export function assignBySize(sizes: readonly number[], ranks: number): number[] {
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const loads = new Array<number>(ranks).fill(0);
  const owners = new Array<number>(sizes.length).fill(0);
  for (const i of order) {
    let least = 0;
    for (let rank = 1; rank < ranks; rank++) if (loads[rank]! < loads[least]!) least = rank;
    owners[i] = least;
    // A piece of size 0 still takes some time.
    loads[least]! += Math.max(1, sizes[i]!);
  }
  return owners;
}

/** The contiguous range of `length` items that belongs to one rank. The ranges differ in length by at most one. */
export function evenShare(length: number, rank: number, ranks: number): { from: number; to: number } {
  return { from: Math.floor((length * rank) / ranks), to: Math.floor((length * (rank + 1)) / ranks) };
}
