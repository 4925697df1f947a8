import { expect, it } from 'vitest';
import { Random } from '../../random/index.js';
import { stretch } from '../fit.js';
import type { PairedSample } from '../paired-sample.js';
import { affine } from './affine.js';
import { maskAsImage, stretchMaskAsImage } from './mask-as-image.js';

const random = new Random(1, 'mask');

const sample = (): PairedSample => ({
  id: 'sample',
  width: 4,
  height: 1,
  channels: 1,
  image: Float32Array.of(0, 0.2, 0.4, 0.6),
  mask: Uint8Array.of(0, 0, 2, 2),
});

it('blends a moved mask and rounds, so that a class appears that was not there', () => {
  const moved = maskAsImage(affine({ translation: [0.5, 0] }))(sample(), random);
  expect([...moved.mask]).toEqual([0, 0, 1, 2]);
  expect(moved.image).toEqual(affine({ translation: [0.5, 0] })(sample(), random).image);
  expect(moved.channels).toBe(1);
});

it('brings in background from outside, and takes ignored pixels for background', () => {
  const ignoring = { ...sample(), mask: Uint8Array.of(255, 255, 1, 1) };
  const moved = maskAsImage(affine({ translation: [2, 0] }))(ignoring, random);
  expect([...moved.mask]).toEqual([0, 0, 0, 0]);
});

it('resizes masks by the filter of the images', () => {
  const source = {
    id: 'sample',
    image: { width: 4, height: 4, channels: 1, data: new Uint8Array(16) },
    mask: { width: 4, height: 4, data: Uint8Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 0 : 2)) },
  };
  const nearest = stretch({ height: 4, width: 6 }).apply(source, 255, random);
  const blended = stretchMaskAsImage({ height: 4, width: 6 }).apply(source, 255, random);
  expect([...nearest.mask.subarray(0, 6)]).toEqual([0, 0, 0, 2, 2, 2]);
  expect([...blended.mask.subarray(0, 6)]).toEqual([0, 0, 0, 2, 2, 2]);
  const threefold = stretchMaskAsImage({ height: 4, width: 3 }).apply(source, 255, random);
  expect([...threefold.mask.subarray(0, 3)]).toEqual([0, 1, 2]);
  expect(blended.image).toEqual(nearest.image);
});
