/**
 * `pixelwise demo`: trains, evaluates and predicts once, on images that it draws itself. Nothing is downloaded.
 *
 * It uses only public functions of the library, as a user would for their own images.
 */
import { join } from 'node:path';
import { openDataset, type Dataset } from '../../data/index.js';
import { writeCells } from '../../data/demo-folder.js';
import { Claim, WrittenFiles } from '../../files/index.js';
import { writeLabels } from '../../images/encode-labels.js';
import { writeImage, writeMask } from '../../images/encode.js';
import { overlay } from '../../images/overlay.js';
import { paintObjects } from '../../images/paint-objects.js';
import type { Raster } from '../../images/raster.js';
import { Segmenter } from '../../inference/index.js';
import { train } from '../../jobs/index.js';
import { objectsOfCodes } from '../../objects/index.js';
import { readRunConfig, RunFolder } from '../../training/index.js';
import type { CommandContext, CommandResult, Run } from '../command.js';
import { INTERRUPTED } from '../interruption.js';
import type { OptionsOf } from '../options.js';
import { montage } from '../montage.js';
import { scoresText } from '../scores-text.js';
import { trainingDisplay } from '../training-display.js';

const DEFAULT_FOLDER = 'pixelwise-demo';
const SIDE = 96;
const TRAIN_IMAGES = 240;
const TEST_IMAGES = 50;
/** A small U-Net that two cores train in a minute or so. */
const SETTINGS = {
  model: 'unet',
  width: 16,
  depth: 4,
  batchNorm: true,
  epochs: 10,
  batch: 8,
  lr: 4e-3,
  augment: 'flip',
  val: 0.2,
} as const;
/** Number of images on the sheet, and per row. */
const SHOWN = 6;
const IN_A_ROW = 2;

export const run: Run<'demo'> = async (options, context) => {
  const claim = await Claim.take(options.out ?? DEFAULT_FOLDER, { purpose: 'demo' });
  try {
    return await demo(claim.folder, options, context);
  } finally {
    await claim.release();
  }
};

async function demo(
  folder: string,
  { seed = 0, threads, task = 'classes' }: OptionsOf<'demo'>,
  { output, signal }: CommandContext,
): Promise<CommandResult> {
  const [data, test, runFolder] = ['cells', 'cells-test', 'run'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  output.note(`Drawing ${TRAIN_IMAGES} images to learn from and ${TEST_IMAGES} to be judged on.`);
  const drawn = { width: SIDE, height: SIDE, truth: task, signal };
  await writeCells(data, { ...drawn, seed, count: TRAIN_IMAGES });
  // Another seed draws other images: no part of what the model is judged on was seen in training.
  await writeCells(test, { ...drawn, seed: seed + 1, count: TEST_IMAGES });

  await removeEarlier(new RunFolder(runFolder), data);
  const result = await train({
    ...SETTINGS,
    task,
    data,
    test,
    out: runFolder,
    seed,
    threads,
    signal,
    onNote: (message) => output.note(message),
    callbacks: [trainingDisplay(output)],
  });
  output.close();
  if (result.stopped === 'interrupted') {
    output.line(`Interrupted and saved: ${result.run}`);
    return { json: result, exitCode: INTERRUPTED };
  }

  const sheet = await predictAll(result.run, test, folder, task === 'objects', threads, signal);
  if (result.test) scoresText('Held-out images', result.test).forEach((line) => output.line(line));
  output.line();
  output.line(`Pictures (image, truth, prediction): ${sheet}`);
  output.line(`Masks: ${join(folder, 'masks')}`);
  output.line(`Model: ${result.run}`);
  if (result.report !== undefined) output.line(`Report: ${result.report}`);
  return { json: { ...result, pictures: sheet } };
}

/** Deletes the run of an earlier demo. A run on other data is not ours to delete: `train` refuses its folder. */
async function removeEarlier(run: RunFolder, data: string): Promise<void> {
  const config = await readRunConfig(run).catch(() => undefined);
  if (config?.data.path !== data) return;
  const claim = await Claim.take(run.path, { purpose: 'demo', keepEmpty: true });
  try {
    await run.remove();
  } finally {
    await claim.release();
  }
}

/** Writes a mask or a label image for every test image, and a sheet that shows a few. Returns the sheet's path. */
async function predictAll(
  runFolder: string,
  test: string,
  folder: string,
  byObject: boolean,
  threads: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  const dataset: Dataset = await openDataset({
    root: test,
    ...(byObject && { maskValues: 'object-numbers' }),
  });
  const segmenter = await Segmenter.load(runFolder, { ...(threads !== undefined && { threads }) });
  const triples: Raster[][] = [];
  const written = new WrittenFiles(folder);
  const write = async (path: string, work: (path: string) => Promise<void>): Promise<void> => {
    await written.refuseOthers([path]);
    await work(path);
    await written.record([path]);
  };
  try {
    for (let i = 0; i < dataset.length; i++) {
      const { image, mask: truth, id } = await dataset.get(i);
      const { mask, objects } = await segmenter.segment(image, { signal });
      await write(join(folder, 'masks', `${id}.png`), (path) =>
        objects ? writeLabels(path, objects) : writeMask(path, mask),
      );
      if (triples.length >= SHOWN) continue;
      triples.push(
        objects
          ? [
              image,
              paintObjects(image, objectsOfCodes(await dataset.getObjects!(i))),
              paintObjects(image, objects),
            ]
          : [image, await overlay(image, truth), await overlay(image, mask)],
      );
    }
  } finally {
    await segmenter.close();
  }
  const sheet = join(folder, 'pictures.png');
  await write(sheet, (path) => writeImage(path, montage(rowsOf(triples, IN_A_ROW), 3)));
  return sheet;
}

/** Several lists joined to one, again and again. */
function rowsOf<T>(lists: readonly (readonly T[])[], each: number): T[][] {
  return Array.from({ length: Math.ceil(lists.length / each) }, (_, row) =>
    lists.slice(row * each, (row + 1) * each).flat(),
  );
}
