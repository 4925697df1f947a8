/**
 * What the pages of a TIFF are: slices of a stack, or channels of one picture. ImageJ writes this into the description
 * of the first page, OME-TIFF as XML in the same place. Other files have no such information.
 */
import type { TiffPage } from './directory.js';

/** Values of `--pages`: how pages are read if the file has no information on them. */
export const PAGE_READINGS = ['slices', 'channels', 'first'] as const;

export type PageReading = (typeof PAGE_READINGS)[number];

export interface PageStructure {
  /** The pages of each picture in the file; several pages of one picture are its channels, in order. */
  readonly pictures: readonly (readonly number[])[];
  /** The source of this information. Undefined if there is none; then each page is a picture. */
  readonly source: 'ImageJ' | 'OME' | undefined;
}

/** Reads the metadata of ImageJ or OME-TIFF. */
export function structureOf(pages: readonly TiffPage[]): PageStructure {
  const count = pages.length;
  const unknown: PageStructure = { pictures: pages.map((_, i) => [i]), source: undefined };
  if (count === 1) return unknown;
  const { description } = pages[0]!;
  if (description.startsWith('ImageJ=')) {
    const value = (key: string): number =>
      Number(new RegExp(`^${key}=(\\d+)`, 'm').exec(description)?.[1] ?? 1);
    const channels = value('channels');
    const others = value('slices') * value('frames');
    // Channels change fastest. A simple stack may have only `images`.
    if (channels * others === count) return arranged(count, channels, 1, 'ImageJ');
    return channels === 1 ? { ...unknown, source: 'ImageJ' } : unknown;
  }
  const pixels = /<(?:\w+:)?Pixels\b[^>]*>/.exec(description)?.[0];
  if (pixels === undefined) return unknown;
  const attribute = (name: string): string | undefined =>
    new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(pixels)?.[1];
  const sizes: Record<string, number> = {
    C: Math.max(1, Math.round(Number(attribute('SizeC') ?? 1) / pages[0]!.samples)),
    Z: Number(attribute('SizeZ') ?? 1),
    T: Number(attribute('SizeT') ?? 1),
  };
  if (sizes.C! * sizes.Z! * sizes.T! !== count) return unknown;
  const order = (attribute('DimensionOrder') ?? 'XYCZT').slice(2);
  let step = 1;
  for (const axis of order.slice(0, Math.max(0, order.indexOf('C')))) step *= sizes[axis] ?? 1;
  return arranged(count, sizes.C!, step, 'OME');
}

/** The pages of each picture, if the channel number changes every `step` pages. */
function arranged(count: number, channels: number, step: number, source: 'ImageJ' | 'OME'): PageStructure {
  const pictures: number[][] = [];
  for (let page = 0; page < count; page++) {
    if (Math.floor(page / step) % channels !== 0) continue;
    pictures.push(Array.from({ length: channels }, (_, c) => page + c * step));
  }
  return { pictures, source };
}
