/**
 * The only source of randomness: a counter-based generator, in which draw n of a named stream is a pure function
 * of (seed, stream name, n). There is no state to save: a resumed run asks for the same streams and gets the same
 * numbers.
 *
 * The block function is Threefry-2x32 with 13 rounds (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011), which passes BigCrush and needs only 32-bit additions, rotations and xors.
 */
import { UsageError } from '../errors/index.js';

const PARITY = 0x1bd11bda;

/**
 * Fills `out` by encrypting the counters (c0, c1), (c0 + 1, c1) … under the key (k0, k1), which gives two numbers
 * each. The 13 rounds are unrolled so that values stay in registers: dropout draws millions of numbers a step.
 */
function threefry(k0: number, k1: number, c0: number, c1: number, out: Uint32Array): void {
  const k2 = PARITY ^ k0 ^ k1;
  let low = c0 | 0;
  let high = c1 | 0;
  for (let at = 0; at < out.length; at += 2) {
    let x0 = (low + k0) | 0;
    let x1 = (high + k1) | 0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k1) | 0;
    x1 = (x1 + k2 + 1) | 0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + k2) | 0;
    x1 = (x1 + k0 + 2) | 0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k0) | 0;
    x1 = (x1 + k1 + 3) | 0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    out[at] = x0;
    out[at + 1] = x1;
    low = (low + 1) | 0;
    if (low === 0) high = (high + 1) | 0;
  }
}

/** Blocks that {@link Random.fillBernoulli} draws at once. They fit into the L1 cache. */
const CHUNK = 1024;

/** A part of a stream's name, as in `('augment', epoch, sampleId)`. */
export type StreamKey = number | string;

export class Random {
  private readonly k0: number;
  private readonly k1: number;
  private counter = 0;
  private readonly block = new Uint32Array(2);
  private spare = false;
  private spareNormal: number | undefined;

  /** @param seed any finite number, of which the low 53 bits are used. @param keys the stream's name. */
  constructor(seed: number, ...keys: StreamKey[]) {
    const state = new Uint32Array(2);
    state[0] = seed >>> 0;
    state[1] = Math.floor(seed / 2 ** 32) >>> 0;
    for (const key of keys) {
      if (typeof key === 'number') {
        threefry(state[0]!, state[1]!, key >>> 0, Math.floor(key / 2 ** 32) >>> 0, state);
      } else {
        for (let i = 0; i < key.length; i++) threefry(state[0]!, state[1]!, key.charCodeAt(i), ~i, state);
        threefry(state[0]!, state[1]!, key.length, 0x5eed, state);
      }
    }
    this.k0 = state[0]!;
    this.k1 = state[1]!;
  }

  /** The next 32 random bits, as an unsigned integer. */
  uint32(): number {
    if (this.spare) {
      this.spare = false;
      return this.block[1]!;
    }
    threefry(this.k0, this.k1, this.counter | 0, Math.floor(this.counter / 2 ** 32), this.block);
    this.counter++;
    this.spare = true;
    return this.block[0]!;
  }

  /** Uniform in [0, 1), with a resolution of 32 bits. */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** A whole number, uniform in 0 … n − 1. n is from 1 to 2³². Rejection makes it unbiased. */
  integer(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) {
      throw new UsageError(`Random.integer: n must be a whole number from 1 to 2³², not ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const draw = this.uint32();
      if (draw < limit) return draw % n;
    }
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    if (this.spareNormal !== undefined) {
      const value = this.spareNormal;
      this.spareNormal = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    const angle = 2 * Math.PI * this.float();
    this.spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.float() < p;
  }

  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }

  /**
   * Fills `mask` with 1 (with probability `keep`, rounded to 1/65,536) or 0. Each block gives four draws.
   *
   * @param from draws to skip, so that part of a larger mask gets the same values as when the whole is filled.
   */
  fillBernoulli(mask: Uint8Array, keep: number, from = 0): void {
    const before = from % 4;
    if (before > 0) {
      const wider = new Uint8Array(before + mask.length);
      this.fillBernoulli(wider, keep, from - before);
      mask.set(wider.subarray(before));
      return;
    }
    this.counter += from / 4;
    const threshold = Math.round(keep * 65536);
    const blocks = new Uint32Array(2 * Math.min(CHUNK, Math.ceil(mask.length / 4)));
    for (let start = 0; start < mask.length; start += 4 * CHUNK) {
      threefry(this.k0, this.k1, this.counter | 0, Math.floor(this.counter / 2 ** 32), blocks);
      const end = Math.min(mask.length, start + 4 * CHUNK);
      this.counter += Math.ceil((end - start) / 4);
      // Signs instead of comparisons, because branches on random bits are mispredicted.
      for (let i = start, at = 0; i < end; i += 4, at += 2) {
        const a = blocks[at]!;
        const b = blocks[at + 1]!;
        mask[i] = ((a & 0xffff) - threshold) >>> 31;
        mask[i + 1] = ((a >>> 16) - threshold) >>> 31;
        mask[i + 2] = ((b & 0xffff) - threshold) >>> 31;
        mask[i + 3] = ((b >>> 16) - threshold) >>> 31;
      }
    }
    this.spare = false;
  }
}
