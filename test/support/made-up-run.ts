/** Run folders that no training made: of any classes, whole or cut off, with figures and names as a test wants them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backgroundClass, classColours, hexColour } from '../../src/images/palette.js';
import { dataUri } from '../../src/report/embed.js';
import type { ImageEntry, ImageScoresFile } from '../../src/report/image-scores.js';
import { encodeMaskLayer, encodeWebp } from '../../src/report/view.js';
import { Random } from '../../src/random/index.js';
import type { Raster } from '../../src/images/raster.js';
import type { Scores } from '../../src/metrics/index.js';
import { CALIBRATION_BINS, ConfusionMatrix, ScoreAccumulator } from '../../src/metrics/index.js';
import type { EpochRecord, RunConfig, RunScores } from '../../src/training/index.js';
import { RunFolder, writeRunScores } from '../../src/training/index.js';

export interface MadeUpRun {
  readonly classes?: readonly string[];
  /** Epochs done, and wanted. */
  readonly epochs?: number;
  readonly wanted?: number;
  /** Images of the parts; 0 for none. */
  readonly valid?: number;
  readonly test?: number;
  /** How it ended; null where it has not. */
  readonly stopped?: RunScores['stopped'] | null;
  /** Ids of the samples in gallery and film; none for no pictures. */
  readonly ids?: readonly string[];
  readonly seed?: number;
  /** Changes an epoch's record before it is written. */
  readonly record?: (record: EpochRecord) => EpochRecord;
  /** Changes the configuration before it is written. */
  readonly config?: (config: RunConfig) => RunConfig;
  readonly groups?: number;
  /** The best epoch; default the last. */
  readonly bestEpoch?: number;
  /** Share of the pixels that it gets right at its end; of those of the test part, a little less. */
  readonly right?: number;
  /** Number of images in images.json, with intervals and calibration in the scores; default 0: neither. */
  readonly images?: number;
  /** Changes an entry of images.json before it is written. */
  readonly image?: (image: ImageEntry, index: number) => ImageEntry;
  /** Whose samples gallery and film show. */
  readonly shows?: 'valid' | 'test' | 'train';
}

const SIDE = 48;

/** Scores as of a model that gets the share `right` of the pixels right. */
export function madeUpScores(classes: readonly string[], right: number, samples: number, groups = 0) {
  const accumulator = new ScoreAccumulator({ classNames: classes });
  const counts = new ConfusionMatrix(classes.length);
  classes.forEach((_, t) => {
    const pixels = Math.round(1e6 / (t + 1) ** 2);
    classes.forEach((__, p) => {
      const share = t === p ? right : (1 - right) / (classes.length - 1);
      counts.counts[t * classes.length + p] = Math.round(pixels * share);
    });
  });
  accumulator.addCounts(counts);
  for (let g = 0; g < groups; g++) accumulator.addCounts(new ConfusionMatrix(classes.length), `group ${g}`);
  accumulator.addLoss(
    { loss: 1 - right, losses: { 'cross-entropy': 0.7 - right / 2, dice: 0.3 - right / 4 } },
    1,
  );
  const scores: Scores = { ...accumulator.scores(), samples };
  return {
    ...scores,
    ...(groups > 0 && {
      groups: scores.groups!.map(({ name }, g) => ({
        name,
        dice: g % 7 === 3 ? null : ((g * 37) % 100) / 100,
      })),
      meanGroupDice: 0.5,
    }),
    confusion: counts.rows(),
  };
}

/** Writes such a run into `path`. */
export async function writeMadeUpRun(path: string, options: MadeUpRun = {}): Promise<string> {
  const {
    classes = ['background', 'cell'],
    epochs = 6,
    wanted = epochs,
    bestEpoch = epochs,
    valid = 40,
    test = 0,
    stopped = 'epochs',
    ids = ['cell 1', 'cell 2', 'cell 3'],
    seed = 0,
    record = (same) => same,
    config = (same) => same,
    groups = 0,
    right = 0.8,
    images = 0,
    image = (same) => same,
    shows = 'valid',
  } = options;
  const folder = new RunFolder(path);
  await folder.create();
  await folder.writeConfig(config(configOf(classes, wanted, valid, test, seed)));
  const history = Array.from({ length: epochs }, (_, i): EpochRecord => {
    const now = right + 0.1 - 0.5 / (i + 1);
    const { confusion: _c, ...train } = madeUpScores(classes, now, 120);
    const { confusion: _d, ...held } = madeUpScores(classes, now - 0.03, valid);
    const base = {
      epoch: i + 1,
      step: 15 * (i + 1),
      lr: 1e-3 / (i + 1),
      seconds: 4,
      imagesPerSecond: 30,
      waitSeconds: 0,
    };
    return record({ ...base, train, ...(valid > 0 && { valid: held }) });
  });
  await folder.writeMetrics(history);
  if (stopped !== null) {
    const best = { epoch: bestEpoch, metric: 'meanIoU', value: 0.8 };
    const scored = stopped !== 'interrupted';
    const scoresOf = (share: number, samples: number) => ({
      ...madeUpScores(classes, share, samples, groups),
      ...(images > 0 && madeUpEvidence(classes, share, samples)),
    });
    await writeRunScores(folder, {
      epochs,
      stopped,
      ...(valid > 0 && { best }),
      ...(scored && valid > 0 && { valid: scoresOf(right, valid) }),
      ...(scored && test > 0 && { test: scoresOf(right - 0.02, test) }),
      secondsPerEpoch: 4,
      imagesPerSecond: 30,
    });
  }
  if (images > 0) await writeImages(join(path, 'samples'), classes, images, seed, image);
  if (ids.length > 0) await writePictures(join(path, 'samples'), classes, ids, epochs, seed, shows);
  return path;
}

function configOf(
  classes: readonly string[],
  epochs: number,
  valid: number,
  test: number,
  seed: number,
): RunConfig {
  return {
    version: 1,
    model: { name: 'unet', options: { width: 16, batchNorm: true } },
    classes: [...classes],
    channels: 3,
    maxValue: 255,
    size: { height: 96, width: 128 },
    normalization: { kind: 'per-image', name: 'per-image' },
    threshold: 0.5,
    data: {
      path: '/data/cells',
      format: 'folder',
      train: 120,
      valid,
      test,
      fingerprint: 'ab'.repeat(32),
      options: {},
    },
    training: {
      batch: 8,
      dropLast: false,
      epochs,
      maxSteps: null,
      optimizer: 'adam',
      lr: 1e-3,
      schedule: 'one-cycle',
      stepEpochs: null,
      stepFactor: null,
      loss: 'cross-entropy+dice',
      augment: 'flip',
      patience: null,
      seed,
    },
    options: { width: 16, epochs, augment: 'flip', size: { height: 96, width: 128 } },
    machine: {
      pixelwise: '0.1.0',
      node: '20.9.0',
      onnxruntime: '1.30.0',
      platform: 'linux x64',
      cpu: 'a processor',
      threads: 2,
      device: 'cpu',
      target: {},
    },
  } as RunConfig;
}

/** Intervals and a calibration as an evaluation has them. */
function madeUpEvidence(classes: readonly string[], right: number, samples: number) {
  const interval = [right - 0.05, right + 0.04] as const;
  const bins = Array.from({ length: CALIBRATION_BINS }, (_, bin) =>
    bin === 0
      ? { pixels: 0, probability: null, frequency: null }
      : {
          pixels: 10 ** (bin % 5),
          probability: (bin + 0.5) / CALIBRATION_BINS,
          frequency: bin / CALIBRATION_BINS,
        },
  );
  return {
    intervals: {
      level: 0.95,
      of: 'images' as const,
      count: samples,
      resamples: 1000,
      scores: { meanIoU: interval, meanDice: interval, pixelAccuracy: interval },
      classes: classes.map((_, k) => (k === 1 ? null : interval)),
    },
    calibration: {
      of: classes.length === 2 ? ('foreground' as const) : ('choice' as const),
      expectedError: 0.04,
      pixels: bins.reduce((sum, { pixels }) => sum + pixels, 0),
      bins,
    },
  };
}

/** `images.json` of so many images, every second of which has a picture. */
async function writeImages(
  samples: string,
  classes: readonly string[],
  count: number,
  seed: number,
  change: (image: ImageEntry, index: number) => ImageEntry,
): Promise<void> {
  const colours = classColours(classes);
  const background = backgroundClass(classes);
  const layer = async (size: number) =>
    dataUri('image/png', await encodeMaskLayer(blob(classes, 0, size), colours, background));
  const [image, truth, prediction] = [
    dataUri('image/webp', await encodeWebp(noise(seed))),
    await layer(16),
    await layer(13),
  ];
  const items = Array.from({ length: count }, (_, i) => {
    const areas = classes.map((__, k) => 100 + ((i * (k + 3)) % 70));
    const entry: ImageEntry = {
      id: `image ${i}`,
      score: 0.5 + 0.49 * ((i * 0.618) % 1),
      meanIoU: 0.7,
      loss: 0.3,
      foreground: areas[1]!,
      areas: { true: areas, predicted: areas.map((area) => area + (i % 9)) },
      brightness: 100 + (i % 50),
      contrast: 30,
      ...(i % 2 === 0 && { picture: { width: SIDE, height: SIDE, image, truth, prediction } }),
    };
    return change(entry, i);
  });
  await mkdir(samples, { recursive: true });
  const file: ImageScoresFile = { version: 1, part: 'valid', chosenOn: true, classes, background, items };
  await writeFile(join(samples, 'images.json'), JSON.stringify(file));
}

async function writePictures(
  samples: string,
  classes: readonly string[],
  ids: readonly string[],
  epochs: number,
  seed: number,
  part: string,
): Promise<void> {
  const colours = classColours(classes);
  const named = classes.map((name, k) => ({ name, color: hexColour(colours[k]!) }));
  const background = backgroundClass(classes);
  const write = async (file: string, bytes: Uint8Array | string) => {
    await mkdir(join(samples, file, '..'), { recursive: true });
    await writeFile(join(samples, file), bytes);
  };
  const mask = (index: number, size: number) =>
    encodeMaskLayer(blob(classes, index, size), colours, background);
  const photo = await encodeWebp(noise(seed));
  const view = { width: SIDE, height: SIDE };
  const items = await Promise.all(
    ids.map(async (id, i) => {
      const at = (what: string) => `gallery/${i}-${what}`;
      const files = { image: at('image.webp'), truth: at('truth.png'), prediction: at('prediction.png') };
      const errors = at('errors.png');
      await write(files.image, photo);
      await write(files.truth, await mask(i, 16));
      await write(files.prediction, await mask(i, 13));
      await write(errors, await mask(i + 1, 5));
      const rank = (['worst', 'median', 'best'] as const)[Math.min(2, Math.floor((3 * i) / ids.length))];
      const scores = { score: 0.5, loss: 0.25, meanDice: 0.7, meanIoU: 0.6 };
      return {
        id,
        rank,
        place: ids.length - i,
        of: ids.length,
        ...scores,
        ...view,
        view,
        counts: [],
        ...files,
        errors,
      };
    }),
  );
  const errorColors = { falsePositive: '#ffffff', falseNegative: '#000000', wrongClass: '#ff00ff' };
  const shown = { version: 1, part, classes: named, background };
  await write(
    'gallery.json',
    JSON.stringify({ ...shown, scoreAt: 'source', chosenOn: part === 'valid', errorColors, items }),
  );
  const tiles = await Promise.all(
    ids.map(async (id, i) => {
      const files = { image: `film/${i}-image.webp`, truth: `film/${i}-truth.png` };
      await write(files.image, photo);
      await write(files.truth, await mask(i, 16));
      return { id, ...view, ...files };
    }),
  );
  const frames = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const masks = ids.map((_, i) => `film/${epoch}/${i}.png`);
    for (const [i, file] of masks.entries()) await write(file, await mask(i, 4 + (12 * epoch) / epochs));
    frames.push({ epoch, masks, meanIoU: 0.5, loss: 0.5 });
  }
  await write('film.json', JSON.stringify({ ...shown, samples: tiles, frames }));
  const tile = { image: dataUri('image/webp', photo), mask: dataUri('image/png', await mask(0, 16)) };
  await write(
    'data.json',
    JSON.stringify({
      version: 1,
      counts: { train: 120, valid: 40, test: 0, unlabelled: 3 },
      sizes: [{ width: SIDE, height: SIDE, count: 160 }],
      classes: classes.map((name, k) => ({ name, pixels: Math.round(1e6 / (k + 1) ** 2), images: 100 })),
      problems: [
        { level: 'warning', code: 'tiny', file: `${ids[0]}.png`, message: 'is tiny.', fix: 'Look at it.' },
      ],
      tiles: {
        samples: ids.map((id) => ({ id, ...view, ...tile })),
        augmented: [{ id: 'draw 1', ...view, ...tile }],
      },
    }),
  );
}

/** A disc of one of the classes that are not the background. */
function blob(classes: readonly string[], index: number, radius: number) {
  const background = backgroundClass(classes);
  const others = classes.map((_, k) => k).filter((k) => k !== background);
  const data = new Uint8Array(SIDE * SIDE).fill(background ?? 0);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [(i % SIDE) - SIDE / 2, Math.floor(i / SIDE) - SIDE / 2];
    if (x * x + y * y < radius * radius) data[i] = others[index % others.length]!;
  }
  return { width: SIDE, height: SIDE, data };
}

function noise(seed: number): Raster {
  const random = new Random(seed, 'photo');
  const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => 90 + 60 * random.float() + (i % 7));
  return { width: SIDE, height: SIDE, channels: 3, data };
}
