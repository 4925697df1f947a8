/** Reads PNGs as stored. Inflation runs in Node's thread pool, or synchronously in a worker thread. */
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { inflate, inflateSync } from 'node:zlib';
import type { ImageBytes } from './image-source.js';
import { decodePng, type PngSamples } from './png-samples.js';

const inflateAsync = promisify(inflate);

/** @throws PixelwiseError `image-damaged` or `image-too-large`. */
export function readPng({ name, bytes }: ImageBytes): Promise<PngSamples> {
  return decodePng(name, bytes, (parts, most) => {
    const deflated = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    // One chunk: with the default of 16 KiB each chunk would be a trip to the thread pool.
    const options = { maxOutputLength: most, chunkSize: Math.max(64, Math.min(most, 2 ** 24)) };
    return isMainThread ? inflateAsync(deflated, options) : inflateSync(deflated, options);
  });
}
