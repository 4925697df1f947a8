import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMadeUpRun } from '../../test/support/made-up-run.js';
import { adviceFor, weakestKind } from './advice.js';
import type { ImageItem } from './pictures.js';
import type { Run } from './read-run.js';
import { readRun } from './read-run.js';

let folder: string;
let made: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-advice-'));
  const classes = ['background', 'cell', 'nucleus'];
  made = await readRun(await writeMadeUpRun(join(folder, 'run'), { classes, epochs: 30, images: 40 }));
});
afterAll(() => rm(folder, { recursive: true }));

const said = (run: Run, code: string) => adviceFor(run).find((advice) => advice.code === code);
/** The run with another end of the curve of mean IoU. */
const ending = (train: number, valid: number): Run => ({
  ...made,
  history: made.history.map((record) => ({
    ...record,
    train: { ...record.train, meanIoU: train },
    valid: { ...record.valid!, meanIoU: valid },
  })),
});

describe('advice', () => {
  it('tells more minutes from more images, by the curves', () => {
    expect(said(ending(0.9, 0.8), 'budget')!.action).toContain('Label more images');
    expect(said(ending(0.81, 0.8), 'budget')!.action).toContain('Neither');
    const history = made.history.map((record, i) => ({
      ...record,
      valid: { ...record.valid!, meanIoU: i / 40 },
    }));
    expect(said({ ...made, history }, 'budget')!.action).toBe('Train longer.');
  });

  it('names the weakest class, and whether it is rare', () => {
    const [part] = made.judged;
    const classes = part!.scores.classes.map((each, k) => ({ ...each, iou: [0.9, 0.8, 0.5][k]! }));
    const judged = [{ ...part!, scores: { ...part!.scores, classes } }];
    const rare = { ...made.data!, sizes: [{ width: 1, height: 1, count: 100 }] };
    const having = (images: number): Run => ({
      ...made,
      judged,
      data: { ...rare, classes: rare.classes.map((each) => ({ ...each, images })) },
    });
    expect(said(having(10), 'class')).toMatchObject({
      action: 'Label more images with “nucleus”.',
      evidence: expect.stringContaining('Only about 12 of the 120 training images have it') as string,
    });
    expect(said(having(90), 'class')!.action).toBe('Look at the errors of “nucleus”.');
    // Nothing is decided on the test part.
    expect(said({ ...having(10), judged: [{ ...judged[0]!, part: 'test' }] }, 'class')).toBeUndefined();
  });

  it('lists the images whose labels are in doubt, the largest region first', () => {
    const box = [0, 0, 0.5, 0.5] as [number, number, number, number];
    const items = made.images!.items.map((item, i) =>
      i === 3 || i === 7
        ? { ...item, labelDoubt: { truth: 0, predicted: 2, share: i / 100, probability: 0.97, box } }
        : item,
    );
    const advice = said({ ...made, images: { ...made.images!, items } }, 'labels')!;
    expect(advice.images).toEqual(['image 7', 'image 3']);
    expect(advice.evidence).toContain('in image 7 the truth says background and the model nucleus');
    expect(said(made, 'labels')).toBeUndefined();
  });

  it('finds the kind of images that scores low, and none by chance', () => {
    const items = made.images!.items;
    expect(weakestKind(items)).toBeUndefined();
    const dark = items.map((item, i): ImageItem => {
      const score = 0.8 + (i % 5) / 100;
      return i % 4 === 0
        ? { ...item, brightness: 20, score: score - 0.2 }
        : { ...item, brightness: 90 + i, score };
    });
    expect(weakestKind(dark)).toMatchObject({
      name: 'darkest quarter of the images',
      examples: { length: 6 },
    });
    const grouped = dark.map((item, i): ImageItem => ({ ...item, brightness: 50, group: i % 4 ? 'a' : 'b' }));
    expect(weakestKind(grouped)!.name).toBe('images of group b');
    expect(weakestKind(dark.slice(0, 20))).toBeUndefined();
  });
});
