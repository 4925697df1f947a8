import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { encodeImage } from '../images/encode.js';
import { encodeLabels, maskPalette } from './mask-file.js';
import { Segmenter } from '../inference/index.js';
import { decodeImage } from '../images/decode.js';
import { InlineLearner } from './inline-learner.js';
import type { Prediction, StudioLearner } from './learning.js';
import { enlargedClasses, gridLabels } from './model-grid.js';

const SIDE = 64;

/** A bright disc on a dark ground, with noise; and its true classes. */
function picture(seed: number) {
  const image = new Uint8Array(SIDE * SIDE * 3);
  const truth = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < truth.length; i++) {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    truth[i] = Math.hypot(x - 26 - 4 * seed, y - 32) < 15 ? 1 : 0;
    for (let c = 0; c < 3; c++) image[3 * i + c] = 60 + 90 * truth[i]! + ((i * 7 + 13 * c + seed) % 31);
  }
  return { image, truth };
}

describe('the learner', () => {
  let root: string;
  let remove: () => Promise<void>;
  let learner: StudioLearner;
  const pictures = [picture(0), picture(1), picture(2)];
  const fileOf = (i: number) => join(root, `${i}.png`);

  /** Labels of one row through the disc. */
  const labelsOf = (i: number) =>
    pictures[i]!.truth.map((value, at) => (Math.floor(at / SIDE) === 32 ? value : 255));

  const image = (i: number) => ({ id: `${i}.png`, file: fileOf(i), width: SIDE, height: SIDE });

  async function predicted(i: number): Promise<Prediction> {
    for (;;) {
      const found = await learner.predict(image(i));
      if (found) return found;
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  beforeAll(async () => {
    ({ path: root, remove } = await temporaryFolder());
    const project = {
      version: 1,
      classes: [
        { name: 'ground', colour: '#0000ff' },
        { name: 'disc', colour: '#ff0000' },
      ],
      masks: { folder: 'masks', values: 'indices', unlabelled: 255 },
      heldOut: ['2.png'],
      images: {},
    };
    await writeFile(join(root, 'pixelwise.json'), JSON.stringify(project));
    await mkdir(join(root, 'masks'));
    for (const [i, { image: data }] of pictures.entries()) {
      await writeFile(fileOf(i), await encodeImage({ width: SIDE, height: SIDE, channels: 3, data }));
      const mask = { width: SIDE, height: SIDE, data: labelsOf(i) };
      await writeFile(join(root, 'masks', `${i}.png`), await encodeLabels(mask, maskPalette([])));
    }
    learner = new InlineLearner({ root, classes: ['ground', 'disc'], threads: 1, encoderWeights: 'none' });
  });
  afterAll(async () => {
    await learner.close();
    await remove();
  });

  it('predicts nothing before there are labels, and other images after a stroke of each class', async () => {
    expect(await learner.predict(image(0))).toBeUndefined();
    learner.labelled({ ...image(0), heldOut: false, labels: labelsOf(0) });
    const { classes, uncertainty, step } = await predicted(1);
    const right = classes.filter((value, i) => value === pictures[1]!.truth[i]).length;
    expect(right / classes.length).toBeGreaterThan(0.95);
    expect([uncertainty.length, step > 0]).toEqual([SIDE * SIDE, true]);
    expect(learner.status).toMatchObject({
      learner: 'pixels',
      labelledImages: 1,
      heldOutImages: 0,
      scores: null,
    });
  });

  it('scores on held-out images, and learns nothing from them', async () => {
    learner.labelled({ ...image(2), heldOut: true, labels: labelsOf(2) });
    while (learner.status.scores === null) await new Promise((done) => setTimeout(done, 20));
    expect(learner.status).toMatchObject({ labelledImages: 1, heldOutImages: 1 });
    expect(learner.status.scores!.samples).toBe(1);
    expect(learner.status.scores!.meanDice).toBeGreaterThan(0.8);
  });

  it('exports a run and a file that predict as it does', async () => {
    const { classes } = await predicted(1);
    const { path } = await learner.exportTo('onnx');
    expect(path).toBe(join(root, 'runs', 'studio-1.onnx'));
    const segmenter = await Segmenter.load(path, { threads: 1 });
    const { mask } = await segmenter.segment(await decodeImage(fileOf(1)));
    await segmenter.close();
    const same = mask.data.filter((value, i) => value === classes[i]).length;
    expect(same / mask.data.length).toBeGreaterThan(0.97);
  });

  it('started from a run, predicts as it does before anything is labelled, and says so', async () => {
    const { classes } = await predicted(1);
    const init = join(root, 'runs', 'studio-1');
    const again = new InlineLearner({ root, classes: ['ground', 'disc'], threads: 1, init });
    await new Promise<void>((ready) => {
      again.onEvent = ({ kind }) => kind === 'prediction' && ready();
    });
    const found = (await again.predict(image(1)))!;
    expect(again.status).toMatchObject({ learner: 'network', labelledImages: 0 });
    await again.close();
    const same = found.classes.filter((value, i) => value === classes[i]).length;
    expect(same / found.classes.length).toBeGreaterThan(0.97);
  });
});

describe('labels in the size of the model', () => {
  it('keep a thin stroke where images are shrunk', () => {
    const labels = new Uint8Array(64).fill(255);
    for (let y = 0; y < 8; y++) labels[y * 8 + 3] = 1;
    labels[0] = 0;
    expect([...gridLabels(labels, { width: 8, height: 8 }, { width: 2, height: 2 })]).toEqual([
      1, 255, 1, 255,
    ]);
    expect([...gridLabels(Uint8Array.of(0, 1), { width: 2, height: 1 }, { width: 4, height: 2 })]).toEqual([
      0, 0, 1, 1, 0, 0, 1, 1,
    ]);
  });

  it('enlarge to the size of the image, with the uncertainty of each pixel', () => {
    const logits = { data: Float32Array.of(-4, 4), classes: 1, height: 1, width: 2 };
    const { classes, uncertainty } = enlargedClasses(logits, { width: 8, height: 2 });
    expect([...classes.slice(0, 8)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(uncertainty[0]).toBe(Math.round(510 / (1 + Math.exp(4))));
    expect(uncertainty[3]!).toBeGreaterThan(uncertainty[1]!);
    const many = { data: Float32Array.of(0, 2, 1), classes: 3, height: 1, width: 1 };
    expect(enlargedClasses(many, { width: 1, height: 1 }).classes[0]).toBe(1);
  });
});
