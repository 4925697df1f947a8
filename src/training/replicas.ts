/**
 * Several learners, one on each rank, that train as one: each sees its share of every batch, and all take the
 * same step, that of the whole batch.
 *
 * A loss that is a mean over pixels has on the whole batch the value Σ dᵣ·Lᵣ ÷ Σ dᵣ, with dᵣ what rank r
 * divides by: its counted pixels, or the sum of their class weights (`Loss.divisor`). So each rank multiplies
 * each of its losses by dᵣ ÷ Σ dᵣ before it goes backward, and gradients need only be summed. It holds for any
 * shares: short ones, empty ones. A loss that is no such mean (Dice over pooled pixels) weighs by samples.
 */
import { PixelwiseError } from '../errors/index.js';
import type { Communicator } from '../distributed/index.js';
import { sumInHalf } from '../distributed/index.js';
import type { Batch } from '../data/dataset.js';
import type { LossTerm } from '../nn/index.js';
import { pixelsByValue } from '../nn/losses/loss.js';

export interface ReplicaOptions {
  /** What gradients are sent as: `float16` takes half the time on a slow network and rounds them to 11 bits. */
  readonly allReduce?: 'float32' | 'float16' | undefined;
}

/** What one rank's part of a batch counts for. */
export interface Share {
  /** Samples of the whole batch. */
  readonly samples: number;
  /** What each loss of this rank is multiplied by; over the ranks they add up to 1. */
  readonly weights: readonly number[];
}

/** Gradients that go between ranks at a time, in elements: 16 MiB, the memory that half precision takes besides. */
const BUCKET = 2 ** 22;

export class Replicas {
  /** Seconds that {@link sumGradients} has taken since it was last set to 0. */
  seconds = 0;
  private readonly half: boolean;

  constructor(
    readonly communicator: Communicator,
    { allReduce = 'float32' }: ReplicaOptions = {},
  ) {
    this.half = allReduce === 'float16';
  }

  /**
   * What this rank's losses on its part of a batch count for.
   *
   * @param channels of the logits; anything where the part is empty.
   */
  async shareOf(terms: readonly LossTerm[], batch: Batch, channels: number): Promise<Share> {
    const { size } = batch;
    const pixels = pixelsByValue(batch.masks);
    const divisors = terms.map(({ loss }) => (size === 0 ? 0 : (loss.divisor?.(pixels, channels) ?? size)));
    const [samples, ...totals] = await this.sum([size, ...divisors]);
    const weights = divisors.map((own, i) => (totals[i]! > 0 ? own / totals[i]! : size / samples!));
    return { samples: samples!, weights };
  }

  /** The sums over all ranks. */
  async sum(values: readonly number[]): Promise<number[]> {
    const sums = Float64Array.from(values);
    await this.communicator.allReduce(sums);
    return [...sums];
  }

  /** Whether it is so on any rank. */
  async any(own: boolean): Promise<boolean> {
    return (await this.sum([Number(own)]))[0]! > 0;
  }

  /**
   * Replaces each rank's gradients, of losses weighted by their share, by their sum: those of the whole batch.
   * Small arrays are sent together: each message has its latency.
   */
  async sumGradients(gradients: readonly Float32Array[]): Promise<void> {
    const began = performance.now();
    const small = gradients.filter(({ length }) => length < BUCKET / 4);
    const joined = new Float32Array(totalLength(small));
    copyAll(small, joined);
    for (const values of [joined, ...gradients.filter(({ length }) => length >= BUCKET / 4)]) {
      for (let from = 0; from < values.length; from += BUCKET) {
        const bucket = values.subarray(from, from + BUCKET);
        if (this.half) await sumInHalf(this.communicator, bucket);
        else await this.communicator.allReduce(bucket);
      }
    }
    spread(joined, small);
    this.seconds += (performance.now() - began) / 1000;
  }

  /** Replaces values by their mean over the ranks. Values that are equal on all ranks keep their bits. */
  async average(arrays: readonly Float32Array[]): Promise<void> {
    const sums = new Float64Array(totalLength(arrays));
    copyAll(arrays, sums);
    await this.communicator.allReduce(sums);
    const { size } = this.communicator;
    spread(
      sums.map((sum) => sum / size),
      arrays,
    );
  }

  /** Replaces values by those of rank 0. */
  async broadcast(arrays: readonly Float32Array[]): Promise<void> {
    for (const { buffer, byteOffset, byteLength } of arrays) {
      await this.communicator.broadcast(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }

  /** Throws, on every rank, unless the weights are the same bits on all of them: otherwise they train different models. */
  async checkAlike(weights: readonly Float32Array[]): Promise<void> {
    const digest = weights.reduce((hash, values) => digestOf(values, hash), 0x811c9dc5 | 0);
    const bounds = [Float64Array.of(digest), Float64Array.of(digest)] as const;
    await this.communicator.allReduce(bounds[0], 'min');
    await this.communicator.allReduce(bounds[1], 'max');
    if (bounds[0][0] === bounds[1][0]) return;
    throw new PixelwiseError(
      'ranks-differ',
      'The ranks no longer have the same weights: a step gave other values on one of them. Do their processors or libraries differ? Continue from the last checkpoint with --resume on hosts of one kind.',
    );
  }
}

const totalLength = (arrays: readonly Float32Array[]) => arrays.reduce((sum, { length }) => sum + length, 0);

/** Copies arrays into one, one after another. */
function copyAll(arrays: readonly Float32Array[], joined: Float32Array | Float64Array): void {
  let offset = 0;
  for (const values of arrays) {
    joined.set(values, offset);
    offset += values.length;
  }
}

/** Copies parts of one array back to the arrays that {@link copyAll} took them from. */
function spread(joined: Float32Array | Float64Array, arrays: readonly Float32Array[]): void {
  let offset = 0;
  for (const values of arrays) {
    values.set(joined.subarray(offset, offset + values.length));
    offset += values.length;
  }
}

/** A 32-bit digest of the bits (FNV-1a over words), continued from `start`. */
function digestOf(values: Float32Array, start: number): number {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  let hash = start;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, 0x01000193);
  return hash;
}
