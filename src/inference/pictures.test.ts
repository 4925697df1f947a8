import { createHash } from 'node:crypto';
import { decode as decodePng } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { PixelwiseError, ShapeError } from '../errors/index.js';
import { tinyCard } from '../../test/inference/tiny-model.js';
import { overlay } from '../images/overlay.js';
import { classColour, classColours } from '../images/palette.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { imagePng } from '../images/portable-png.js';
import { drawOverlay, imageToPng } from './draw-overlay.js';
import { colorize, maskToPng, overlayOptions } from './pictures.js';

describe('overlays of a model', () => {
  const image = { width: 40, height: 1, channels: 1, data: new Uint8Array(40).fill(100) };
  /** The first pixel, of class 0, and the colours of the legend's swatches. */
  async function drawn(classes: readonly string[]) {
    const card = tinyCard(classes.length, { classes, palette: classColours(classes) });
    const mask = { width: 40, height: 1, data: Uint8Array.from({ length: 40 }, (_, i) => i >> 4) };
    const { data } = await overlay(image, mask, { ...overlayOptions(card), opacity: 1 });
    const legend = new Set(
      Array.from({ length: data.length / 3 - 40 }, (_, i) =>
        data.subarray(3 * (i + 40), 3 * (i + 41)).join(),
      ),
    );
    const named = classes.filter((_, k) => legend.has(card.palette[k]!.join()));
    return { first: [...data.subarray(0, 3)], named };
  }

  it('do not colour the background', async () => {
    const { first, named } = await drawn(['background', 'road', 'car']);
    expect(first).toEqual([100, 100, 100]);
    expect(named).toEqual(['road', 'car']);
  });

  it('colour every class if none is the background', async () => {
    const { first, named } = await drawn(['sky', 'road', 'car']);
    expect(first).toEqual(classColour(3));
    expect(named).toEqual(['sky', 'road', 'car']);
  });
});

const card = tinyCard(3, { classes: ['background', 'leaf', 'stem'] });
const rings = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) - width / 2, Math.floor(i / width) - height / 2];
    return Math.floor(Math.hypot(x, y) / 9) % 3;
  }),
});

describe('maskToPng', () => {
  it('stores the values, in the colours of the card', async () => {
    const mask = rings(60, 41);
    mask.data[7] = IGNORE_INDEX;
    const png = decodePng(await maskToPng(mask, { card }), { checkCrc: true });
    expect([...png.data]).toEqual([...mask.data]);
    expect(png.palette!.slice(0, 3)).toEqual(card.palette.map((colour) => [...colour]));
    expect(png.palette![255]).toEqual([...classColour(255)]);
    expect(decodePng(await maskToPng(mask, { colours: 'grey' })).palette).toBeUndefined();
  });

  it('writes the same bytes everywhere, in several pieces where a mask is large', async () => {
    const mask = rings(1100, 1000);
    const png = await maskToPng(mask);
    expect(Buffer.compare(decodePng(png).data as Uint8Array, mask.data)).toBe(0);
    expect(createHash('sha256').update(png).digest('hex').slice(0, 16)).toBe('ccbc8751001b4ec0');
  });

  it('refuses what is no mask, and options that do not exist', async () => {
    await expect(maskToPng({ width: 3, height: 2, data: new Uint8Array(5) })).rejects.toThrow(ShapeError);
    await expect(maskToPng(rings(60, 41), { colours: [[0, 0, 0]] })).rejects.toThrow(ShapeError);
    const misspelt = { colors: 'grey' } as object;
    await expect(maskToPng(rings(9, 9), misspelt)).rejects.toThrow('Did you mean "colours"?');
    await expect(drawOverlay(photo(9, 9), rings(9, 9), { opacity: 2 })).rejects.toThrow('from 0 to 1');
  });
});

const photo = (width: number, height: number) => ({
  width,
  height,
  channels: 3,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7) % 256),
});

describe('colorize and drawOverlay', () => {
  it('gives pixels for a canvas: the background transparent, ignored pixels grey', () => {
    const data = Uint8Array.of(0, 1, 2, IGNORE_INDEX);
    const { data: rgba } = colorize({ width: 2, height: 2, data }, { card, opacity: 0.5 });
    expect([...rgba]).toEqual([
      ...[0, 0, 0, 0],
      ...[...card.palette[1]!, 128],
      ...[...card.palette[2]!, 128],
      ...[...classColour(IGNORE_INDEX), 128],
    ]);
    const all = colorize({ width: 2, height: 2, data }, { card, clear: null });
    expect([...all.data.subarray(0, 4)]).toEqual([...card.palette[0]!, 255]);
  });

  it('lines up with the image: without a legend in size, with one in its top left corner', async () => {
    const [image, mask] = [photo(60, 41), rings(60, 41)];
    const plain = await drawOverlay(image, mask, { card });
    expect([plain.width, plain.height, plain.channels]).toEqual([60, 41, 3]);
    for (const legend of ['beside', 'below'] as const) {
      const drawn = await drawOverlay(image, mask, { card, legend });
      expect(drawn.width > 60).toBe(legend === 'beside');
      expect(drawn.height > 41).toBe(legend === 'below');
      const row = (y: number) => drawn.data.subarray(3 * y * drawn.width, 3 * (y * drawn.width + 60));
      for (let y = 0; y < 41; y++) expect(row(y)).toEqual(plain.data.subarray(180 * y, 180 * (y + 1)));
      expect([...drawn.data].join()).toContain(card.palette[2]!.join());
    }
  });

  it('becomes a PNG with the same pixels, in colour, in grey and with opacity', async () => {
    const drawn = await drawOverlay(photo(60, 41), rings(60, 41), { card });
    const layer = colorize(rings(60, 41), { card });
    const grey = {
      width: 5,
      height: 2,
      channels: 1,
      data: Uint8Array.from({ length: 10 }, (_, i) => 25 * i),
    };
    // Node's, and the one of browsers.
    for (const encode of [imageToPng, imagePng]) {
      for (const [image, channels] of [
        [drawn, 3],
        [layer, 4],
        [grey, 1],
      ] as const) {
        const png = decodePng(await encode(image), { checkCrc: true });
        expect([png.channels, [...png.data]]).toEqual([channels, [...image.data]]);
      }
      const wide = { width: 1, height: 1, channels: 1, data: Uint16Array.of(300) };
      await expect(encode(wide)).rejects.toThrow(PixelwiseError);
    }
  });

  it('outlines regions as far as the width says, as comparing with all neighbours does', async () => {
    const mask = rings(50, 37);
    const { width, height, data } = mask;
    for (const reach of [1, 2, 5]) {
      const shown = await drawOverlay(photo(width, height), mask, {
        opacity: 0,
        outline: reach,
        clear: null,
      });
      const source = photo(width, height).data;
      const expected = data.map((value, i) => {
        const [x, y] = [i % width, Math.floor(i / width)];
        for (let step = 1; step <= reach; step++) {
          for (const [u, v] of [
            [x - step, y],
            [x + step, y],
            [x, y - step],
            [x, y + step],
          ] as const) {
            if (u >= 0 && u < width && v >= 0 && v < height && data[v * width + u] !== value) return 1;
          }
        }
        return 0;
      });
      for (let i = 0; i < data.length; i++) {
        const colour = expected[i] === 1 ? classColour(data[i]!) : source.subarray(3 * i, 3 * i + 3);
        expect([...shown.data.subarray(3 * i, 3 * i + 3)]).toEqual([...colour]);
      }
    }
  });
});
