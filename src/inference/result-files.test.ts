import { describe, expect, it } from 'vitest';
import { tinyCard } from '../../test/inference/tiny-model.js';
import { overlay } from '../images/overlay.js';
import { classColour, classColours } from '../images/palette.js';
import { overlayOptions } from './result-files.js';

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
