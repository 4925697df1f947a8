/**
 * Detects equal pictures, even if resized or saved again, by a difference hash (Krawetz, "Kind of like that", 2013) of
 * 16 × 16 brightness steps and a small grey picture.
 */
import { type Planes, resizeImage, resizePlanes } from '../../images/resize.js';
import type { PixelValues, Raster } from '../../images/raster.js';

const SIDE = 16;
const THUMB = 32;
/** The most different bits, of 256. The same picture saved at another JPEG quality differs in a few. */
const MOST_BITS = 10;
/** The largest mean difference of the small pictures, on a scale of 0…255. */
const MOST_DIFFERENCE = 2.5;
/** Pictures with less contrast (0…255) have similar hashes and are skipped. */
const LEAST_DEVIATION = 4;

export interface Fingerprint {
  /** 256 bits. */
  readonly hash: Uint16Array;
  /** 32 × 32 greys of 0…255. */
  readonly thumb: Uint8Array;
}

/** Undefined for a picture with too little contrast. */
export function fingerprintOf(image: Raster): Fingerprint | undefined {
  const grey = stretched(greyOf(resizeImage(image, THUMB, THUMB)), image.data);
  const mean = grey.data.reduce((sum, value) => sum + value, 0) / grey.data.length;
  const variance = grey.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / grey.data.length;
  if (Math.sqrt(variance) < LEAST_DEVIATION) return undefined;
  const steps = resizePlanes(grey, SIDE + 1, SIDE).data;
  const hash = new Uint16Array(SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const at = y * (SIDE + 1) + x;
      if (steps[at]! < steps[at + 1]!) hash[y]! |= 1 << x;
    }
  }
  return { hash, thumb: Uint8Array.from(grey.data, (value) => Math.round(value)) };
}

/** 8-bit values as they are; others, which may use any part of their range, scaled to 0…255. */
function stretched(grey: Planes, source: PixelValues): Planes {
  if (source instanceof Uint8Array) return grey;
  let [low, high] = [Infinity, -Infinity];
  for (const value of grey.data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const gain = high > low ? 255 / (high - low) : 0;
  return { ...grey, data: grey.data.map((value) => (value - low) * gain) };
}

function greyOf({ width, height, channels, data }: Planes): Planes {
  if (channels === 1) return { width, height, channels, data };
  const plane = width * height;
  const grey = new Float32Array(plane);
  for (let i = 0; i < data.length; i++) grey[i % plane]! += data[i]! / channels;
  return { width, height, channels: 1, data: grey };
}

/** Whether two fingerprints are of the same picture. */
export function samePicture(a: Fingerprint, b: Fingerprint): boolean {
  let bits = 0;
  for (let y = 0; y < SIDE; y++) {
    for (let difference = a.hash[y]! ^ b.hash[y]!; difference !== 0; difference &= difference - 1) bits++;
    if (bits > MOST_BITS) return false;
  }
  let sum = 0;
  for (let i = 0; i < a.thumb.length; i++) sum += Math.abs(a.thumb[i]! - b.thumb[i]!);
  return sum / a.thumb.length <= MOST_DIFFERENCE;
}

/**
 * Pairs (earlier, later) of equal pictures; `earlier` is the first picture that equals `later`. Two hashes that differ
 * in at most 10 of 256 bits agree in at least one of any 11 rows, so only hashes with a common row are compared.
 */
export function findSamePictures(fingerprints: readonly (Fingerprint | undefined)[]): [number, number][] {
  const found: [number, number][] = [];
  const byRow = Array.from({ length: MOST_BITS + 1 }, () => new Map<number, number[]>());
  fingerprints.forEach((fingerprint, later) => {
    if (fingerprint === undefined) return;
    const compared = new Set<number>();
    let equal: number | undefined;
    byRow.forEach((rows, y) => {
      const row = fingerprint.hash[y]!;
      const sharing = rows.get(row) ?? [];
      for (const earlier of sharing) {
        if (compared.has(earlier)) continue;
        compared.add(earlier);
        if ((equal === undefined || earlier < equal) && samePicture(fingerprints[earlier]!, fingerprint))
          equal = earlier;
      }
      sharing.push(later);
      rows.set(row, sharing);
    });
    if (equal !== undefined) found.push([equal, later]);
  });
  return found;
}
