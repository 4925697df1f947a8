/** Masks of another size than their images, as far as reading repairs them. */
import { describeImage } from '../images/decode.js';
import type { FilePair } from './file-dataset.js';
import { type Finding, finding } from './finding.js';
import { mapParallel } from './parallel.js';
import { isOneLarger, sameShape } from './sample-reading.js';
import { spread } from './spread.js';

/** Pairs whose headers are compared. */
const LOOKED = 256;

/** Says which masks are cropped and which resized. Files that cannot be read are left to reading. */
export async function findSizeRepairs(pairs: readonly FilePair[]): Promise<Finding[]> {
  const looked = spread(pairs.length, LOOKED).map((i) => pairs[i]!);
  const cropped: string[] = [];
  const resized: string[] = [];
  await mapParallel(looked.length, 8, async (i) => {
    const pair = looked[i]!;
    const [image, mask] = await Promise.all([pair.image, pair.mask].map((file) => describeImage(file))).catch(
      () => [],
    );
    if (image === undefined || mask === undefined) return;
    if (image.width === mask.width && image.height === mask.height) return;
    if (isOneLarger(mask, image)) cropped.push(pair.mask);
    else if (sameShape(image, mask)) resized.push(pair.mask);
  });
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
