/**
 * Estimates how long a training step takes on several ranks. In the α–β model (Hockney 1994), a message of n bytes
 * takes α + n ÷ β seconds. Gradients are summed by a ring all-reduce, which transfers the least data that an
 * all-reduce can (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", 2009).
 */

import { UsageError } from '../errors/index.js';

/** The network between the ranks. */
export interface Network {
  /** α: seconds that a message of any length takes at least. */
  readonly latency: number;
  /** β: bytes per second between two ranks, in each direction. */
  readonly bandwidth: number;
}

/** Seconds of a ring all-reduce: 2(N − 1) rounds, each of α + (bytes ÷ N) ÷ β. */
export function ringSeconds(ranks: number, bytes: number, { latency, bandwidth }: Network): number {
  return 2 * (ranks - 1) * (latency + bytes / ranks / bandwidth);
}

/** Short all-reduces of a batch (shares, losses, counts, whether to stop), each of log₂ N rounds of one message. */
const SHORT_MESSAGES = 4;

export interface StepCost {
  /** Seconds that a rank computes for a step, optimizer included. */
  readonly compute: number;
  /** Bytes of gradients. */
  readonly bytes: number;
}

/** Seconds of a step on `ranks` ranks, each with the batch that takes one of them `compute` seconds. */
export function stepSeconds({ compute, bytes }: StepCost, ranks: number, network: Network): number {
  if (ranks === 1) return compute;
  const short = SHORT_MESSAGES * Math.ceil(Math.log2(ranks)) * network.latency;
  return compute + short + ringSeconds(ranks, bytes, network);
}

/** Throughput of N ranks divided by N times that of one rank; 1 if communication costs nothing. */
export function efficiency(cost: StepCost, ranks: number, network: Network): number {
  return cost.compute / stepSeconds(cost, ranks, network);
}

/** Fits α and β to measured all-reduces of several sizes (least squares of relative errors). */
export function fitNetwork(
  ranks: number,
  measured: readonly { readonly bytes: number; readonly seconds: number }[],
): Network {
  // seconds = a + b · bytes. Each equation is divided by its seconds, so that short messages count as much as long ones.
  let [ww, wx, xx, w1, x1] = [0, 0, 0, 0, 0];
  for (const { bytes, seconds } of measured) {
    const [w, x] = [1 / seconds, bytes / seconds];
    ww += w * w;
    wx += w * x;
    xx += x * x;
    w1 += w;
    x1 += x;
  }
  const determinant = ww * xx - wx * wx;
  const a = (w1 * xx - x1 * wx) / determinant;
  const b = (ww * x1 - wx * w1) / determinant;
  if (!(b > 0)) {
    throw new UsageError(
      'Longer all-reduces did not take longer than shorter ones: measure again on an idle machine.',
    );
  }
  return { latency: Math.max(0, a / (2 * (ranks - 1))), bandwidth: (2 * (ranks - 1)) / ranks / b };
}
