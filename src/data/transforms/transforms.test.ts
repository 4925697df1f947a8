import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import smoothing from '../../../test/golden/smoothing.json' with { type: 'json' };
import golden from '../../../test/golden/transforms.json' with { type: 'json' };
import { UsageError } from '../../errors/index.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import { Random } from '../../random/index.js';
import { parseAugmentation, PRESETS, TRANSFORMS } from '../augmentation.js';
import { letterbox, randomCrop, randomResizedCrop, shortestSide, sourceSize, stretch } from '../fit.js';
import type { PairedSample, Transform } from '../paired-sample.js';
import { affine, inverseMatrix, randomAffine } from './affine.js';
import {
  adjustBrightness,
  adjustContrast,
  adjustGamma,
  adjustHue,
  adjustSaturation,
  colourJitter,
} from './colour.js';
import { blur, coarseDropout, compressAsJpeg, jpegArtefacts, noise } from './degrade.js';
import { displace, elastic, gridDistortion } from './elastic.js';
import { horizontalFlip, quarterTurns, verticalFlip } from './flip.js';
import { gaussianFilter } from './gaussian.js';
import { padToMultiple } from './pad.js';

function sampleOf(
  image: ArrayLike<number>,
  mask: ArrayLike<number>,
  width: number,
  height: number,
): PairedSample {
  return {
    id: 'sample',
    width,
    height,
    channels: image.length / (width * height),
    image: Float32Array.from(image),
    mask: Uint8Array.from(mask),
  };
}

function worst(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
}

/** Blobs of a few classes, so that masks have insides as well as borders. */
function blobs(seed: number, width: number, height: number): Uint8Array {
  const random = new Random(seed, 'blobs');
  const mask = new Uint8Array(width * height);
  for (let n = 0; n < 5; n++) {
    const [cx, cy, radius] = [
      random.uniform(0, width),
      random.uniform(0, height),
      random.uniform(3, width / 3),
    ];
    for (let i = 0; i < mask.length; i++) {
      if (Math.hypot((i % width) - cx, Math.floor(i / width) - cy) < radius) mask[i] = n % 4;
    }
  }
  return mask;
}

describe('affine', () => {
  it.each(golden.affines)(
    'rotation $rotation, scale $scale, translation $translation, shear $shear equals torchvision',
    (c) => {
      const { width, height } = golden;
      const map = {
        rotation: c.rotation,
        scale: c.scale,
        translation: c.translation as [number, number],
        shear: c.shear as [number, number],
      };
      const before = sampleOf(golden.smooth, golden.labels, width, height);
      const after = affine(map)(before, new Random(0));
      const [a, b, cc, d, e, f] = inverseMatrix(map, width, height) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      let compared = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const px = a * (x + 0.5) + b * (y + 0.5) + cc;
          const py = d * (x + 0.5) + e * (y + 0.5) + f;
          // torchvision fades the last half pixel into the fill, here the border is repeated.
          if (px < 0.5 || py < 0.5 || px > width - 0.5 || py > height - 0.5) continue;
          compared++;
          const i = y * width + x;
          for (let k = 0; k < 3; k++) {
            expect(after.image[k * width * height + i]).toBeCloseTo(c.image[k * width * height + i]!, 3);
          }
          // On the seam between two pixels rounding decides.
          const seam = Math.min(Math.abs(px - Math.round(px)), Math.abs(py - Math.round(py)));
          if (seam > 1e-4) expect(after.mask[i]).toBe(c.mask[i]);
        }
      }
      expect(compared).toBeGreaterThan(60);
    },
  );

  it('a translation by whole pixels moves exactly and ignores what enters', () => {
    const moved = affine({ translation: [1, 0] })(sampleOf([1, 2, 3, 4], [1, 2, 3, 4], 4, 1), new Random(0));
    expect([...moved.mask]).toEqual([IGNORE_INDEX, 1, 2, 3]);
    expect([...moved.image]).toEqual([0, 1, 2, 3]);
  });

  it('by +a and back gives the mask again, two or more from a class border and inside the frame', () => {
    const angle = fc.double({ min: -180, max: 180, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 9, max: 40 }),
        fc.integer({ min: 9, max: 40 }),
        angle,
        (seed, width, height, rotation) => {
          const mask = blobs(seed, width, height);
          const before = sampleOf(new Float32Array(width * height), mask, width, height);
          const there = affine({ rotation })(before, new Random(0));
          const wrong: number[][] = [];
          const back = affine({ rotation: -rotation })(there, new Random(0)).mask;
          const [a, b, c, d, e, f] = inverseMatrix(
            { rotation: -rotation, scale: 1, translation: [0, 0], shear: [0, 0] },
            width,
            height,
          ) as [number, number, number, number, number, number];
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const px = a * (x + 0.5) + b * (y + 0.5) + c;
              const py = d * (x + 0.5) + e * (y + 0.5) + f;
              if (px < 0 || py < 0 || px >= width || py >= height) continue;
              let border = false;
              for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
                for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
                  if (mask[v * width + u] !== mask[y * width + x]) border = true;
                }
              }
              if (!border && back[y * width + x] !== mask[y * width + x]) wrong.push([x, y]);
            }
          }
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('colour', () => {
  const { width, height, image, grey } = golden.colour;
  const fresh = (): PairedSample => sampleOf(image, new Uint8Array(width * height), width, height);

  it.each([
    ['brightness', adjustBrightness],
    ['contrast', adjustContrast],
    ['saturation', adjustSaturation],
    ['hue', adjustHue],
    ['gamma', adjustGamma],
  ] as const)('%s equals torchvision', (name, adjust) => {
    for (const c of golden.colour[name])
      expect(worst(adjust(fresh(), c.factor).image, c.image)).toBeLessThan(2e-5);
  });

  it('of a grey image: contrast as torchvision, saturation and hue change nothing', () => {
    const sample = (): PairedSample => sampleOf(grey, new Uint8Array(width * height), width, height);
    expect(worst(adjustContrast(sample(), 0.4).image, golden.colour.greyContrast)).toBeLessThan(2e-5);
    expect(adjustSaturation(sample(), 0.2).image).toEqual(sample().image);
    expect(adjustHue(sample(), 0.2).image).toEqual(sample().image);
  });

  it('jitter stays in 0…1', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const all = colourJitter({ brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5 });
        for (const value of all(fresh(), new Random(seed)).image) expect(value >= 0 && value <= 1).toBe(true);
      }),
    );
  });
});

describe('degrading', () => {
  it.each(golden.jpegs)('JPEG at quality $quality, $channels channels, as PIL', (c) => {
    const { width, height } = golden;
    const photo = golden.photo.slice(0, c.channels * width * height).map((value) => value / 255);
    const { image } = compressAsJpeg(
      sampleOf(photo, new Uint8Array(width * height), width, height),
      c.quality,
    );
    const differences = c.values.map((value, i) => Math.abs(value - image[i]! * 255));
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    // Encoders round colours and coefficients to whole numbers on the way; one coefficient on the edge of a step
    // moves a block by that step.
    expect(mean).toBeLessThan(1);
    expect(Math.max(...differences)).toBeLessThan(c.quality < 20 ? 30 : 12);
  });

  it('the Gaussian filter equals SciPy', () => {
    const { width, height, plane, filters } = smoothing;
    for (const { sigma, plane: expected } of filters) {
      expect(worst(gaussianFilter(Float32Array.from(plane), width, height, sigma), expected)).toBeLessThan(
        1e-5,
      );
    }
  });

  it('noise has the deviation asked for, blur keeps the mean, dropout leaves the mask', () => {
    const flat = (): PairedSample =>
      sampleOf(new Float32Array(90 * 90).fill(0.5), new Uint8Array(8100).fill(1), 90, 90);
    const noisy = noise(0.1, 0.1)(flat(), new Random(1)).image;
    const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / noisy.length);
    expect(deviation).toBeCloseTo(0.1, 2);
    expect(worst(blur(2, 2)(flat(), new Random(1)).image, [...flat().image])).toBeLessThan(1e-5);
    const holes = coarseDropout({ fill: 1 })(flat(), new Random(1));
    expect(holes.image.some((value) => value === 1)).toBe(true);
    expect(holes.mask).toEqual(flat().mask);
  });
});

describe('elastic', () => {
  it('displaces as SciPy does', () => {
    const { width, height, plane, dx, dy, moved, inside } = smoothing;
    const sample = sampleOf(plane, new Uint8Array(plane.length).fill(1), width, height);
    const { image, mask } = displace(sample, Float32Array.from(dx), Float32Array.from(dy));
    moved.forEach((value, i) => {
      if (inside[i] === 1) expect(image[i]).toBeCloseTo(value, 4);
      if (inside[i] === 1) expect(mask[i]).toBe(1);
    });
    expect(inside.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(80);
  });

  it('moves pixels by as much as its parameters say', () => {
    const size = 120;
    const ramp = Float32Array.from({ length: size * size }, (_, i) => (i % size) / size);
    for (const [alpha, sigma] of [
      [60, 10],
      [20, 2],
    ] as const) {
      const moves: number[] = [];
      for (let seed = 0; seed < 6; seed++) {
        const { image, mask } = elastic({ alpha, sigma })(
          sampleOf(ramp, new Uint8Array(size * size), size, size),
          new Random(seed),
        );
        for (let y = 20; y < 100; y++) {
          for (let x = 20; x < 100; x++) {
            const i = y * size + x;
            if (mask[i] === 0) moves.push(image[i]! * size - x);
          }
        }
      }
      const deviation = Math.sqrt(moves.reduce((sum, move) => sum + move * move, 0) / moves.length);
      const expected = alpha / (2 * Math.sqrt(3 * Math.PI) * sigma);
      expect(deviation / expected).toBeGreaterThan(0.7);
      expect(deviation / expected).toBeLessThan(1.3);
    }
  });
});

const everyTransform: [string, Transform][] = [
  ...Object.entries(TRANSFORMS).map(([name, { make, default: value }]): [string, Transform] => [
    name,
    make(value),
  ]),
  ...Object.entries(PRESETS)
    // Its masks are blended, which is the defect that it repeats.
    .filter(([name]) => name !== 'brain-mri-unet-as-published')
    .map(([name, make]): [string, Transform] => [name, (s, r) => make().reduce((x, t) => t(x, r), s)]),
  ['affine', randomAffine({ rotation: 180, scale: [0.5, 2], translation: 0.3, shear: 20 })],
  ['pad', padToMultiple(32)],
  ['jpeg', jpegArtefacts(5, 100)],
  ['grid', gridDistortion({ cells: 3, limit: 0.9 })],
  ['elastic', elastic({ alpha: 300, sigma: 5 })],
];

describe('every transform', () => {
  it.each(everyTransform)(
    '%s makes no mask value that was not there, and keeps shapes and range',
    (_, transform) => {
      fc.assert(
        fc.property(
          fc.nat(),
          fc.integer({ min: 1, max: 33 }),
          fc.integer({ min: 1, max: 33 }),
          fc.constantFrom(1, 3),
          (seed, width, height, channels) => {
            const mask = blobs(seed, width, height).map((value) => value * 3 + 1);
            const image = Float32Array.from(
              { length: width * height * channels },
              (_, i) => ((i * 37 + seed) % 101) / 100,
            );
            const allowed = new Set([...mask, IGNORE_INDEX]);
            const after = transform(sampleOf(image, mask, width, height), new Random(seed, 't'));
            expect(after.image.length).toBe(after.width * after.height * after.channels);
            expect(after.mask.length).toBe(after.width * after.height);
            expect(after.mask.every((value) => allowed.has(value))).toBe(true);
            expect(after.image.every((value) => value >= 0 && value <= 1 + 1e-6)).toBe(true);
          },
        ),
        { numRuns: 25 },
      );
    },
  );

  it.each(everyTransform.filter(([name]) => !/heavy|dropout/.test(name)))(
    '%s keeps image and mask together',
    (_, transform) => {
      const [width, height] = [64, 64];
      for (let seed = 0; seed < 6; seed++) {
        const random = new Random(seed, 'place');
        const [cx, cy] = [random.uniform(22, 42), random.uniform(22, 42)];
        const mask = Uint8Array.from({ length: width * height }, (_, i) => {
          return Math.hypot((i % width) + 0.5 - cx, Math.floor(i / width) + 0.5 - cy) < 12 ? 1 : 0;
        });
        const image = Float32Array.from(mask, (value) => 0.1 + 0.8 * value);
        const after = transform(
          sampleOf([...image, ...image, ...image], mask, width, height),
          new Random(seed, 't'),
        );
        // The centre of the disc in the mask and, by light above the surrounding, in the image.
        const [inMask, inImage] = [
          centre(after, (i) => (after.mask[i] === 1 ? 1 : 0)),
          centre(after, brighter(after)),
        ];
        expect(Math.hypot(inMask[0] - inImage[0], inMask[1] - inImage[1])).toBeLessThan(0.4);
      }
    },
  );

  it('draws the same for the same key, and changes with it', () => {
    for (const [name, transform] of everyTransform) {
      const make = (): PairedSample => {
        const mask = blobs(1, 32, 32);
        return sampleOf(
          Float32Array.from({ length: 3072 }, (_, i) => ((i * 37) % 101) / 100),
          mask,
          32,
          32,
        );
      };
      const draws = [1, 1, 2, 3, 4, 5, 6, 7].map((key) => transform(make(), new Random(key)));
      expect(draws[0]).toEqual(draws[1]);
      if (name === 'none' || name === 'pad') continue;
      expect(draws.some((draw) => draw.image.some((value, i) => value !== draws[0]!.image[i]))).toBe(true);
    }
  });
});

function centre({ width, height }: PairedSample, weight: (i: number) => number): [number, number] {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    const w = weight(i);
    sum += w;
    x += w * (i % width);
    y += w * Math.floor(i / width);
  }
  return [x / sum, y / sum];
}

function brighter({ image, mask }: PairedSample): (i: number) => number {
  const values = [...image.subarray(0, mask.length)]
    .filter((_, i) => mask[i] !== IGNORE_INDEX)
    .sort((a, b) => a - b);
  const middle = (values[Math.floor(values.length * 0.05)]! + values[Math.floor(values.length * 0.99)]!) / 2;
  return (i) => (mask[i] !== IGNORE_INDEX && image[i]! > middle ? 1 : 0);
}

describe('flips and turns', () => {
  const make = (): PairedSample => sampleOf([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], 3, 2);

  it('are exact', () => {
    const across = horizontalFlip(1)(make(), new Random(0));
    expect([[...across.image], [...across.mask]]).toEqual([
      [3, 2, 1, 6, 5, 4],
      [3, 2, 1, 6, 5, 4],
    ]);
    expect([...verticalFlip(1)(make(), new Random(0)).image]).toEqual([4, 5, 6, 1, 2, 3]);
    expect([...horizontalFlip(0)(make(), new Random(0)).image]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('quarter turns keep a frame that is not square, and reach all four of a square one', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const turned = quarterTurns()(make(), new Random(seed));
      expect([turned.width, turned.height]).toEqual([3, 2]);
      const square = quarterTurns()(sampleOf([1, 2, 3, 4], [1, 2, 3, 4], 2, 2), new Random(seed));
      expect([...square.image]).toEqual([...square.mask]);
      seen.add(square.mask.join());
    }
    expect(seen).toEqual(new Set(['1,2,3,4', '3,1,4,2', '4,3,2,1', '2,4,1,3']));
  });
});

describe('fits', () => {
  const source = {
    id: 'wide',
    image: {
      width: 8,
      height: 4,
      channels: 1,
      data: Uint8Array.from({ length: 32 }, (_, i) => (i % 8) * 30),
    },
    mask: { width: 8, height: 4, data: Uint8Array.from({ length: 32 }, (_, i) => (i % 8 < 4 ? 1 : 2)) },
  };

  it('stretch, letterbox, cover and keep', () => {
    const random = new Random(0);
    const stretched = stretch(4).apply(source, 255, random);
    expect([stretched.width, stretched.height, [...stretched.mask.subarray(0, 4)]]).toEqual([
      4,
      4,
      [1, 1, 2, 2],
    ]);
    const boxed = letterbox(4).apply(source, 255, random);
    expect([...boxed.mask]).toEqual([255, 255, 255, 255, 1, 1, 2, 2, 1, 1, 2, 2, 255, 255, 255, 255]);
    const covered = shortestSide(4).apply(source, 255, random);
    expect([...covered.mask.subarray(0, 4)]).toEqual([1, 1, 2, 2]);
    expect(covered.image[0]).toBeCloseTo(60 / 255, 5);
    const kept = sourceSize(3).apply(source, 255, random);
    expect([kept.width, kept.height, kept.mask[8], kept.mask[0]]).toEqual([9, 6, IGNORE_INDEX, 1]);
  });

  it('random crops keep to the source or are padded', () => {
    for (let seed = 0; seed < 40; seed++) {
      const crop = randomCrop({ height: 6, width: 5 }).apply(source, 255, new Random(seed));
      expect([crop.width, crop.height]).toEqual([5, 6]);
      expect(crop.mask.filter((value) => value === IGNORE_INDEX)).toHaveLength(10);
      const resized = randomResizedCrop(4).apply(source, 255, new Random(seed));
      expect(resized.mask).toHaveLength(16);
      expect(resized.mask.every((value) => value === 1 || value === 2)).toBe(true);
    }
  });

  it('a third of the crops contain the rare class when asked to', () => {
    const size = 200;
    const mask = new Uint8Array(size * size);
    mask[57 * size + 131] = 2;
    const rare = {
      id: 'rare',
      image: { width: size, height: size, channels: 1, data: new Uint8Array(size * size) },
      mask: { width: size, height: size, data: mask },
    };
    const share = (foreground: number): number => {
      let hits = 0;
      for (let seed = 0; seed < 300; seed++) {
        if (randomCrop(16, { foreground }).apply(rare, 255, new Random(seed)).mask.includes(2)) hits++;
      }
      return hits / 300;
    };
    expect(share(0)).toBeLessThan(0.05);
    expect(share(1 / 3)).toBeGreaterThan(0.26);
    expect(share(1 / 3)).toBeLessThan(0.42);
    expect(share(1)).toBe(1);
  });
});

describe('parseAugmentation', () => {
  it('reads presets, transforms and numbers', () => {
    expect(parseAugmentation('none')).toEqual([]);
    expect(parseAugmentation('light')).toHaveLength(3);
    expect(parseAugmentation(' flip , rotate:30, hue:0.1')).toHaveLength(3);
    for (const wrong of ['spin', 'rotate:x', 'rotate:', 'rotate:1:2', 'hue:2', 'light:3']) {
      expect(() => parseAugmentation(wrong)).toThrow(UsageError);
    }
  });
});
