import { describe, expect, it } from 'vitest';
import type { ScaleFacts } from './choose-patch.js';
import { patchSize, reasonForPatches } from './choose-patch.js';

const square = (side: number) => ({ height: side, width: side });
const facts = (sides: readonly number[], objects: readonly number[], score = 1): ScaleFacts => ({
  sizes: sides.map(square),
  objects,
  scoreAfterShrinking: () => score,
});

describe('patches', () => {
  it('are taken where shrinking would lose objects', () => {
    const nuclei = facts([768, 768, 768], [5, 4, 6], 0.74);
    expect(reasonForPatches(nuclei, square(224))).toContain('shrunk to 224×224');
    expect(reasonForPatches(nuclei, square(768))).toBeUndefined();
    expect(reasonForPatches(facts([768, 768, 768], [30, 30, 30], 0.98), square(224))).toBeUndefined();
    // A patch would hold too little of what surrounds these.
    expect(reasonForPatches(facts([768, 768, 768], [60, 60, 60], 0.74), square(224))).toBeUndefined();
  });

  it('are taken for mixed sizes only if objects keep theirs', () => {
    const sides = [256, 256, 512, 1024, 1024];
    expect(reasonForPatches(facts(sides, [20, 21, 19, 20, 22]), square(256))).toContain('from 256 to 1024');
    // Photographs: objects grow with the image.
    expect(reasonForPatches(facts(sides, [10, 11, 20, 41, 39]), square(256))).toBeUndefined();
  });

  it('hold several objects, and are no larger than the images', () => {
    expect(patchSize(facts([768], [5]))).toEqual(square(192));
    expect(patchSize(facts([768], [20]))).toEqual(square(224));
    expect(patchSize(facts([768], [100]))).toEqual(square(320));
    expect(patchSize(facts([140], [20]))).toEqual(square(128));
    expect(patchSize(facts([768], [100]), 64)).toEqual(square(320));
  });
});
