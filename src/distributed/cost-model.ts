/**
 * What a step on several ranks takes: the α–β model of messages (Hockney 1994), α seconds for each and n ÷ β
 * for n bytes, and the ring all-reduce, which moves the least that an all-reduce can (Patarasuk and Yuan,
 * "Bandwidth optimal all-reduce algorithms", 2009).
 */

import { UsageError } from '../errors/index.js';

/** How ranks are joined. */
export interface Network {
  /** α: seconds that a message takes however short. */
  readonly latency: number;
  /** β: bytes a second between two ranks, each way. */
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

/** Images a second of N ranks over N times those of one: 1 where ranks cost nothing. */
export function efficiency(cost: StepCost, ranks: number, network: Network): number {
  return cost.compute / stepSeconds(cost, ranks, network);
}

/** α and β that fit measured all-reduces of several sizes best (least squares of relative errors). */
export function fitNetwork(
  ranks: number,
  measured: readonly { readonly bytes: number; readonly seconds: number }[],
): Network {
  // seconds = a + b · bytes; each equation divided by its seconds, so that short messages count too.
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
    throw new UsageError('Longer all-reduces did not take longer: time them again, on a quiet machine.');
  }
  return { latency: Math.max(0, a / (2 * (ranks - 1))), bandwidth: (2 * (ranks - 1)) / ranks / b };
}
