/** sharp and its libvips, loaded when the first image needs them: the tenth of a second can overlap other work. */
import type SharpFunction from 'sharp';

let library: Promise<typeof SharpFunction> | undefined;

/** The function `sharp`. */
export function loadSharp(): Promise<typeof SharpFunction> {
  library ??= import('sharp').then(({ default: sharp }) => {
    // Each file is read once per epoch, so libvips' operation cache would only use memory.
    sharp.cache(false);
    return sharp;
  });
  return library;
}
