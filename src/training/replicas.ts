/**
 * Data-parallel training: each rank has a learner and processes its part of every batch, and all take the same step,
 * that of the whole batch.
 *
 * A loss that is a mean over pixels has the value Σ dᵣ·Lᵣ ÷ Σ dᵣ on the whole batch, where dᵣ is the divisor on rank
 * r: the number of its counted pixels, or the sum of their class weights (`Loss.divisor`). Each rank therefore
 * multiplies its losses by dᵣ ÷ Σ dᵣ before the backward pass, and gradients are summed. This is exact for parts of
 * any size, including empty ones. A loss that is not such a mean (Dice over pooled pixels) is weighted by samples.
 */
import { PixelwiseError } from '../errors/index.js';
import type { Communicator } from '../distributed/index.js';
import { sumInHalf } from '../distributed/index.js';
import type { Batch } from '../data/dataset.js';
import type { LossTerm } from '../nn/index.js';
import { pixelsByValue } from '../nn/losses/loss.js';

export interface ReplicaOptions {
  /** Type in which gradients are sent: `float16` halves the traffic and rounds them to 11 bits. */
  readonly allReduce?: 'float32' | 'float16' | undefined;
}

/** The weight of one rank's part of a batch. */
export interface Share {
  /** Samples of the whole batch. */
  readonly samples: number;
  /** Factors for the losses of this rank; they sum to 1 over the ranks. */
  readonly weights: readonly number[];
}

/** Maximum number of gradient elements per message: 16 MiB. It bounds the memory of the float16 copy. */
const BUCKET = 2 ** 22;

export class Replicas {
  /** Total seconds spent in {@link sumGradients} since this was set to 0. */
  seconds = 0;
  private readonly half: boolean;

  constructor(
    readonly communicator: Communicator,
    { allReduce = 'float32' }: ReplicaOptions = {},
  ) {
    this.half = allReduce === 'float16';
  }

  /**
   * Computes the weight of this rank's part of a batch.
   *
   * @param channels number of logits per pixel; ignored if the part is empty.
   */
  async shareOf(terms: readonly LossTerm[], batch: Batch, channels: number): Promise<Share> {
    const { size } = batch;
    const pixels = pixelsByValue(batch.masks);
    const divisors = terms.map(({ loss }) => (size === 0 ? 0 : (loss.divisor?.(pixels, channels) ?? size)));
    const [samples, ...totals] = await this.sum([size, ...divisors]);
    const weights = divisors.map((own, i) => (totals[i]! > 0 ? own / totals[i]! : size / samples!));
    return { samples: samples!, weights };
  }

  /** Sums values over all ranks. */
  async sum(values: readonly number[]): Promise<number[]> {
    const sums = Float64Array.from(values);
    await this.communicator.allReduce(sums);
    return [...sums];
  }

  /** Whether `own` is true on any rank. */
  async any(own: boolean): Promise<boolean> {
    return (await this.sum([Number(own)]))[0]! > 0;
  }

  /**
   * Replaces each rank's gradients by their sum over the ranks, the gradients of the whole batch. Small arrays are
   * sent together to save latency.
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

  /** Replaces values by their mean over the ranks. Values that are equal on all ranks do not change. */
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

  /** Throws on every rank unless the weights are bitwise equal on all of them. */
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

/** Concatenates arrays into `joined`. */
function copyAll(arrays: readonly Float32Array[], joined: Float32Array | Float64Array): void {
  let offset = 0;
  for (const values of arrays) {
    joined.set(values, offset);
    offset += values.length;
  }
}

/** Copies the parts of `joined` back to the arrays; the inverse of {@link copyAll}. */
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
