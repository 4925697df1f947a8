import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, temporaryFolder } from '../../test/support/made-data.js';
import { UsageError } from '../errors/index.js';
import { classColour } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import { parseAugmentation } from './augmentation.js';
import { augmentationSheet, contactSheet } from './contact-sheet.js';
import type { Dataset } from './dataset.js';
import { openFolder } from './formats/folder.js';

let remove: () => Promise<void>;
let dataset: Dataset;
beforeAll(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  await makeFolder(folder.path, { count: 7, classes: 3, id: (i) => `<${i}> & "x"` });
  dataset = await openFolder(folder.path, { classes: ['<sky>', 'disc', 'bar'] });
});
afterAll(() => remove());

function countColour(picture: Raster, colour: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < picture.data.length; i += 3) {
    if (colour.every((value, c) => picture.data[i + c] === value)) count++;
  }
  return count;
}

describe('contactSheet', () => {
  it('shows every sample with its mask, ids as text, and a legend', async () => {
    const picture = await contactSheet(dataset, { side: 48 });
    // Seven samples of 48 × 36, twice each, three in a row.
    expect(picture.width).toBe(3 * (96 + 8) + 8);
    expect(picture.data.length).toBe(picture.width * picture.height * 3);
    expect(countColour(picture, classColour(1))).toBeGreaterThan(100);
    expect(countColour(picture, classColour(2))).toBeGreaterThan(100);
    // The sky is no background: it is drawn as the others are, and its outline follows the disc's and the bar's.
    expect(countColour(picture, classColour(3))).toBeGreaterThan(200);
  });
});

describe('augmentationSheet', () => {
  it('shows the sample and its draws', async () => {
    const light = parseAugmentation('light');
    const picture = await augmentationSheet(dataset, { transforms: light, draws: 24, seed: 1 });
    expect(picture.width).toBe(5 * (192 + 8) + 8);
    expect(picture.height).toBeGreaterThan(5 * 192);
    const again = await augmentationSheet(dataset, { transforms: light, draws: 24, seed: 1 });
    expect(Buffer.from(again.data).equals(Buffer.from(picture.data))).toBe(true);
    await expect(augmentationSheet(dataset, { transforms: [], index: 9 })).rejects.toThrow(UsageError);
  });
});
