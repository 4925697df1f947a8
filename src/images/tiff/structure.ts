/**
 * What the pages of a TIFF are: slices of a stack, or channels of one picture. ImageJ says it in the first page's
 * description, OME-TIFF in XML there; other files say nothing.
 */
import type { TiffPage } from './directory.js';

/** What `--pages` takes: how pages are read where a file does not say what they are. */
export const PAGE_READINGS = ['slices', 'channels', 'first'] as const;

export type PageReading = (typeof PAGE_READINGS)[number];

export interface PageStructure {
  /** The pages of each picture in the file; several pages of one picture are its channels, in order. */
  readonly pictures: readonly (readonly number[])[];
  /** Who says so; undefined where nobody does, and each page counts as a picture. */
  readonly source: 'ImageJ' | 'OME' | undefined;
}

/** Reads the metadata of ImageJ or OME. */
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
    // Channels change fastest. A plain stack may leave all of them out but `images`.
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

/** Pages whose channel number changes every `step` pages. */
function arranged(count: number, channels: number, step: number, source: 'ImageJ' | 'OME'): PageStructure {
  const pictures: number[][] = [];
  for (let page = 0; page < count; page++) {
    if (Math.floor(page / step) % channels !== 0) continue;
    pictures.push(Array.from({ length: channels }, (_, c) => page + c * step));
  }
  return { pictures, source };
}
