/** Repairs of masks whose size differs from that of their image. */
import type { FilePair } from './file-dataset.js';
import { type Finding, finding } from './finding.js';
import { isOneLarger, sameShape, type Size } from './sample-reading.js';

/** Reports which masks are cropped and which are resized, for pairs of known sizes. */
export function findSizeRepairs(
  pairs: readonly FilePair[],
  images: ReadonlyMap<string, Size>,
  masks: ReadonlyMap<string, Size>,
): Finding[] {
  const cropped: string[] = [];
  const resized: string[] = [];
  for (const pair of pairs) {
    const [image, mask] = [images.get(pair.image), masks.get(pair.mask)];
    if (image === undefined || mask === undefined) continue;
    if (image.width === mask.width && image.height === mask.height) continue;
    if (isOneLarger(mask, image)) cropped.push(pair.mask);
    else if (sameShape(image, mask)) resized.push(pair.mask);
  }
  const fix = 'Export masks at the size of their images.';
  return [
    ...(cropped.length === 0
      ? []
      : [
          finding(
            'warning',
            'mask-one-larger',
            cropped,
            'These masks are one pixel larger than their images: the last row or column is cut off.',
            fix,
          ),
        ]),
    ...(resized.length === 0
      ? []
      : [
          finding(
            'warning',
            'size-mismatch-scaled',
            resized,
            'These masks have the shape of their images but another size: they are resized, by nearest neighbour.',
            fix,
          ),
        ]),
  ];
}
