import { describe, expect, it } from 'vitest';
import { Random } from '../random/index.js';
import { PRESETS, TRANSFORMS } from './augmentation.js';
import * as data from './index.js';
import type { PairedSample, Transform } from './paired-sample.js';
import { describe as describeMade, remake } from './portable.js';

function makePaired(): PairedSample {
  const random = new Random(3);
  const image = Float32Array.from({ length: 3 * 20 * 20 }, () => random.float());
  return { id: 'a', width: 20, height: 20, channels: 3, image, mask: new Uint8Array(400).fill(1) };
}

describe('portable', () => {
  const transforms: [string, Transform][] = [
    ...Object.entries(PRESETS).map(([name, make]): [string, Transform] => [name, data.compose(...make())]),
    ...Object.entries(TRANSFORMS).map(([name, entry]): [string, Transform] => [
      name,
      entry.make(entry.default),
    ]),
    ['affine', data.affine({ rotation: 20 })],
    ['padToMultiple', data.padToMultiple(16)],
  ];

  it.each(transforms)('%s does the same when made again from what was sent', (_, transform) => {
    const sent = structuredClone(describeMade(transform)!);
    const again = remake(sent) as Transform;
    for (let seed = 0; seed < 5; seed++) {
      const expected = transform(makePaired(), new Random(seed));
      expect(again(makePaired(), new Random(seed))).toEqual(expected);
    }
  });

  it('makes fits again', () => {
    const fits = [
      data.stretch(8),
      data.letterbox({ height: 8, width: 12 }),
      data.shortestSide(9),
      data.randomResizedCrop(8, { scale: [0.5, 1] }),
      data.randomCrop(8, { foreground: 0.3 }),
      data.sourceSize(4),
      data.stretchMaskAsImage(8),
    ];
    for (const fit of fits) {
      expect((remake(structuredClone(describeMade(fit)!)) as data.Fit).key).toBe(fit.key);
    }
  });

  it('describes no function of one own, nor what is made with one', () => {
    const own: Transform = (sample) => sample;
    expect(describeMade(own)).toBeUndefined();
    expect(describeMade(data.sometimes(0.5, own))).toBeUndefined();
    expect(describeMade(data.compose(data.horizontalFlip(), data.oneOf(own)))).toBeUndefined();
  });
});
