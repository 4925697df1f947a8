/**
 * The values that PyTorch gave for models and losses, as ../golden/models.py writes them, and the formulas
 * by which both sides make the same weights, images and masks.
 */
import { readFileSync } from 'node:fs';
import type { Shape } from '../../src/graph/index.js';
import { sizeOf } from '../../src/graph/index.js';

/** How far a tensor may be off where PyTorch's own float32 is closer: ‖a − b‖ ÷ ‖b‖. */
const TOLERANCE = 1e-4;

/** Vectors of signs in a sketch. */
const SIGNS = 16;

export type MaskKind = 'plain' | 'ignore' | 'absent' | 'empty' | 'half-empty';

interface Settings {
  readonly name: string;
  readonly input: Shape;
  readonly loss: string;
  readonly lossOptions?: object;
  readonly mask: MaskKind;
  /** Absent: the input itself is the logits. */
  readonly model?: string;
  readonly options?: object;
  readonly mode: 'train' | 'eval';
  /** The name from which the image is made. */
  readonly image: string;
  /** Of large tensors only a sketch is kept. */
  readonly sketched?: boolean;
}

/** A tensor of PyTorch's in float64: its values, or a sketch of them. */
export interface Reference {
  readonly name: string;
  readonly size: number;
  /** What distances are divided by: ‖b‖, or where that is but rounding, the largest of the gradients' norms. */
  readonly norm: number;
  /** Relative error of PyTorch's float32. */
  readonly error: number;
  readonly values: Float32Array;
}

export interface GoldenCase extends Settings {
  readonly references: readonly Reference[];
}

const isSketch = (size: number, sketched = false) => sketched && size > SIGNS;

export function readGolden(): GoldenCase[] {
  const file = (name: string) => readFileSync(new URL(`../golden/${name}`, import.meta.url));
  const index = JSON.parse(file('models.json').toString()) as (Settings & {
    readonly tensors: readonly Omit<Reference, 'values'>[];
  })[];
  const memory = new Uint8Array(file('models.bin')).buffer;
  let at = 0;
  const cases = index.map(({ tensors, ...settings }) => ({
    ...settings,
    references: tensors.map((tensor) => {
      const values = new Float32Array(
        memory,
        at,
        isSketch(tensor.size, settings.sketched) ? SIGNS : tensor.size,
      );
      at += values.byteLength;
      return { ...tensor, values };
    }),
  }));
  if (at !== memory.byteLength) throw new Error('models.bin and models.json do not belong together');
  return cases;
}

/** Numbers of 32 bits that depend on the name alone: FNV-1a of the name, then MurmurHash3's mixer. */
function hashes(name: string, size: number): Uint32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  const result = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    let h = seed + Math.imul(i, 0x9e3779b9);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    result[i] = h ^ (h >>> 16);
  }
  return result;
}

function numbers(name: string, shape: Shape, map: (u: number) => number): Float32Array {
  const bits = hashes(name, sizeOf(shape));
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = map(bits[i]! / 2 ** 32);
  return result;
}

/** The values of a weight or buffer. */
export function fill(name: string, shape: Shape): Float32Array {
  const make = (map: (u: number) => number) => numbers(name, shape, map);
  if (name.endsWith('running_var')) return make((u) => 0.5 + u);
  if (name.endsWith('running_mean')) return make((u) => 0.4 * (u - 0.5));
  if (shape.length > 1) {
    const bound = Math.sqrt(6 / sizeOf(shape.slice(1)));
    return make((u) => bound * (2 * u - 1));
  }
  return name.endsWith('weight') ? make((u) => 0.75 + 0.5 * u) : make((u) => 0.4 * (u - 0.5));
}

export const image = (shape: Shape, name: string): Float32Array =>
  numbers(name, shape, name === 'ties' ? (u) => Math.floor(4 * u) : (u) => 4 * u - 2);

/** What a result is multiplied by to make a loss of it. */
export const projection = (shape: Shape): Float32Array => numbers('projection', shape, (u) => u);

/** N×H×W classes, 255 for pixels to ignore. */
export function mask(shape: Shape, classes: number, kind: MaskKind): Uint8Array {
  const size = sizeOf(shape);
  const values = Uint8Array.from(hashes('mask', size), (h) => Math.floor((h / 2 ** 32) * classes));
  const ignored = hashes('ignore', size);
  return values.map((value, i) => {
    switch (kind) {
      case 'ignore':
        return ignored[i]! / 2 ** 32 < 0.2 ? 255 : value;
      case 'absent':
        return value === classes - 1 ? 0 : value;
      case 'empty':
        return 0;
      case 'half-empty':
        return i < size / shape[0]! ? 0 : value;
      default:
        return value;
    }
  });
}

export interface Deviation {
  readonly tensor: string;
  /** ‖a − b‖ ÷ ‖b‖ */
  readonly error: number;
  readonly bound: number;
}

/** How far `values` are from PyTorch's; by a sketch, an estimate of it. */
export function deviation(values: ArrayLike<number>, reference: Reference): Deviation {
  const { name, size, error, norm, values: b } = reference;
  if (values.length !== size) throw new Error(`${name} has ${values.length} values instead of ${size}`);
  const sketched = b.length !== size;
  const a = sketched ? sketch(values) : values;
  let square = 0;
  for (let i = 0; i < b.length; i++) square += (a[i]! - b[i]!) ** 2;
  const distance = Math.sqrt(sketched ? square / SIGNS : square);
  return { tensor: name, error: distance / (norm || 1), bound: Math.max(TOLERANCE, 3 * error) };
}

/** Products with vectors of ±1: bit j of a hash of the place is the sign in vector j. */
function sketch(values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(SIGNS);
  const bits = hashes('signs', values.length);
  for (let i = 0; i < values.length; i++) {
    for (let j = 0; j < SIGNS; j++) sums[j]! += (bits[i]! >>> j) & 1 ? values[i]! : -values[i]!;
  }
  return sums;
}
