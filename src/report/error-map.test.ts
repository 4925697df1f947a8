import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeMask } from '../images/decode-mask.js';
import { colourDistance, smallestDistance, VISIONS } from '../images/colour-vision.js';
import { classColour, type Colour } from '../images/palette.js';
import { IGNORE_INDEX, type ClassMask } from '../images/raster.js';
import { ConfusionMatrix } from '../metrics/index.js';
import { encodeErrorMap, ERROR_COLOURS, errorMap } from './error-map.js';
import { encodeMaskLayer } from './view.js';

const WIDTH = 7;
const HEIGHT = 5;

/** Two masks of `classes` classes, some of the truth ignored. */
const pairs = fc.integer({ min: 2, max: 5 }).chain((classes) => {
  const pixels = (values: fc.Arbitrary<number>) =>
    fc
      .array(values, { minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT })
      .map((data): ClassMask => ({ width: WIDTH, height: HEIGHT, data: Uint8Array.from(data) }));
  const index = fc.integer({ min: 0, max: classes - 1 });
  return fc.record({
    classes: fc.constant(classes),
    background: index,
    prediction: pixels(index),
    truth: pixels(fc.oneof(index, fc.constant(IGNORE_INDEX))),
  });
});

describe('errorMap', () => {
  it('shows as many pixels of each kind as the confusion matrix counts', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ({ classes, background, prediction, truth }) => {
        const png = await encodeErrorMap(errorMap(prediction, truth, background));
        const shown = await coloursIn(png);
        const counts = new ConfusionMatrix(classes).add(prediction.data, truth.data).rows();
        const sum = (cell: (t: number, p: number) => boolean) =>
          counts.flatMap((row, t) => row.filter((_, p) => t !== p && cell(t, p))).reduce((a, b) => a + b, 0);
        const { falsePositive, falseNegative, wrongClass } = ERROR_COLOURS;
        expect(shown.get(falsePositive.join()) ?? 0).toBe(sum((t) => t === background));
        expect(shown.get(falseNegative.join()) ?? 0).toBe(sum((_, p) => p === background));
        const between = sum((t, p) => t !== background && p !== background);
        expect(shown.get(wrongClass.join()) ?? 0).toBe(between);
        if (classes === 2) expect(between).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('knows one kind of error where no class is the background', () => {
    const mask = (...data: number[]) => ({ width: 3, height: 1, data: Uint8Array.from(data) });
    expect([...errorMap(mask(0, 1, 2), mask(0, 0, 1), null).data]).toEqual([0, 3, 3]);
  });

  it('refuses masks of two sizes', () => {
    const mask = (width: number) => ({ width, height: 1, data: new Uint8Array(width) });
    expect(() => errorMap(mask(3), mask(4), 0)).toThrow('3×1, but the truth is 4×1');
  });

  it('has colours that every kind of colour vision tells apart, from those of classes too', () => {
    const classes = Array.from({ length: 20 }, (_, index) => classColour(index + 1));
    for (const vision of VISIONS) {
      // 10 is plain at a glance; 2.3 can just be seen.
      expect(smallestDistance(Object.values(ERROR_COLOURS), vision), vision).toBeGreaterThan(64);
      for (const [kind, colour] of Object.entries(ERROR_COLOURS)) {
        const least = (among: readonly Colour[]) =>
          Math.min(...among.map((one) => colourDistance(colour, one, vision)));
        expect(least(classes), `${kind}, ${vision}`).toBeGreaterThan(12);
        expect(least(classes.slice(0, 11)), `${kind}, ${vision}`).toBeGreaterThan(15);
      }
    }
  });

  it('fades what is right, so that lights and darks of the image are no errors', async () => {
    const truth = { width: 4, height: 1, data: Uint8Array.of(0, 0, 0, 1) };
    const prediction = { ...truth, data: Uint8Array.of(0, 0, 1, 0) };
    const png = await encodeErrorMap(errorMap(prediction, truth, 0));
    const image = Buffer.from([0, 255, 255, 0].flatMap((level) => [level, level, level]));
    const { data } = await sharp(image, { raw: { width: 4, height: 1, channels: 3 } })
      .composite([{ input: Buffer.from(png) }])
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [dark, light, wrong, missed] = [0, 3, 6, 9].map((at) => data[at]!);
    expect([wrong, missed]).toEqual([255, 0]);
    expect(dark).toBeGreaterThan(80);
    expect(light).toBeLessThan(175);
    expect(light! - dark!).toBeGreaterThan(40);
  });
});

describe('encodeMaskLayer', () => {
  it('keeps class indices and shows nothing of the background and of ignored pixels', async () => {
    const mask = { width: 4, height: 1, data: Uint8Array.of(0, 1, 2, IGNORE_INDEX) };
    const colours = [
      [1, 2, 3],
      [0, 0, 0],
      [7, 8, 9],
    ] as const;
    const png = await encodeMaskLayer(mask, colours, 1);
    expect([...(await decodeMask(png)).data]).toEqual([0, 1, 2, 3]);
    expect(await coloursIn(png)).toEqual(
      new Map([
        ['1,2,3', 1],
        ['7,8,9', 1],
      ]),
    );
  });
});

/** Pixels that hide what lies beneath, by colour, as an independent decoder sees them. */
async function coloursIn(png: Uint8Array): Promise<Map<string, number>> {
  const { data } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const counts = new Map<string, number>();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3]! < 255) continue;
    const key = [...data.subarray(i, i + 3)].join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
