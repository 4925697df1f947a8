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

  /** Replaces each rank's gradients, of losses weighted by their share, by their sum: those of the whole batch. */
  async sumGradients(gradients: Float32Array): Promise<void> {
    const began = performance.now();
    for (let from = 0; from < gradients.length; from += BUCKET) {
      const bucket = gradients.subarray(from, from + BUCKET);
      if (this.half) await sumInHalf(this.communicator, bucket);
      else await this.communicator.allReduce(bucket);
    }
    this.seconds += (performance.now() - began) / 1000;
  }

  /** Replaces values by their mean over the ranks. Values that are equal on all ranks stay as they are, to the bit. */
  async average(values: Float32Array): Promise<void> {
    const sums = Float64Array.from(values);
    await this.communicator.allReduce(sums);
    const { size } = this.communicator;
    for (let i = 0; i < values.length; i++) values[i] = sums[i]! / size;
  }

  /** Replaces values by those of rank 0. */
  async broadcast(values: Float32Array): Promise<void> {
    await this.communicator.broadcast(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /** Throws, on every rank, unless the weights are the same bits everywhere: then they no longer train one model. */
  async checkAlike(weights: Float32Array): Promise<void> {
    const digest = digestOf(weights);
    const bounds = [Float64Array.of(digest), Float64Array.of(digest)] as const;
    await this.communicator.allReduce(bounds[0], 'min');
    await this.communicator.allReduce(bounds[1], 'max');
    if (bounds[0][0] === bounds[1][0]) return;
    throw new PixelwiseError(
      'ranks-differ',
      'The ranks no longer have the same weights: a step came out differently on one of them. Are their processors and libraries alike? Go on from the last checkpoint with --resume on hosts of one kind.',
    );
  }
}

/** A 32-bit digest of the bits (FNV-1a over words). */
function digestOf(values: Float32Array): number {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, 0x01000193);
  return hash;
}
