/** A recipe and a chosen threshold by the program: from data to masks, and what is refused. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeImage } from '../../src/images/encode.js';
import { encodeIndexedPng } from '../../src/images/png-write.js';
import { makeSample, put, temporaryFolder } from '../support/made-data.js';
import { runProgram } from '../support/run-program.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  for (let i = 0; i < 10; i++) {
    const { image, mask } = makeSample(i);
    // Carvana's names are the second proof of the format: twelve hexadecimal digits and an angle.
    const id = `0cdf5b5d0ce${i >> 1}_0${1 + (i % 2)}`;
    const white = { ...mask, data: mask.data.map((value) => 255 * value) };
    await put(join(root, 'cars/train', `${id}.png`), await encodeImage(image));
    await put(join(root, 'cars/train_masks', `${id}_mask.png`), await encodeIndexedPng(white));
  }
});
afterAll(async () => {
  await remove();
});

async function json(...words: string[]) {
  const { code, stdout, stderr } = await runProgram(...words, '--json');
  return { code, result: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

it('follows a recipe, and chooses a threshold that evaluate and predict choose again', async () => {
  const [data, run] = [join(root, 'cars'), join(root, 'run')];
  const small = ['--width', '2', '--depth', '2', '--size', '16', '--epochs', '1', '--threads', '1'];
  const recipe = ['--recipe', 'carvana-unet', '--as-published', '--no-pictures', '--lr', '0.01'];
  const trained = await json(
    'train',
    '--data',
    data,
    '--out',
    run,
    ...recipe,
    ...small,
    '--threshold',
    'auto',
  );
  expect(trained.code, trained.stderr).toBe(0);
  const { threshold } = trained.result as { threshold: { value: number } };
  expect(threshold).toMatchObject({ chosenOn: 'valid', samples: 2 });

  const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8')) as Record<string, unknown>;
  expect(config).toMatchObject({
    recipe: { name: 'carvana-unet', asPublished: true, published: [{ value: 0.87 }, { value: 0.95 }] },
    threshold: threshold.value,
    thresholdChoice: threshold,
    training: {
      optimizer: 'rmsprop',
      lr: 0.01,
      alpha: 0.9,
      eps: 1e-7,
      maskInterpolation: 'as-image',
      batch: 32,
    },
  });

  const judged = await json('evaluate', run, '--data', data, '--split', 'valid', '--threshold', 'auto');
  expect(judged.result['threshold']).toEqual(threshold);
  expect(judged.stderr).toContain('chosen on the 2 validation images');
  const inputs = join(data, 'train');
  const predicted = await json('predict', run, inputs, '--out', join(root, 'masks'), '--threshold', 'auto');
  expect(predicted.result['threshold']).toEqual(threshold);

  const file = join(root, 'car.onnx');
  await json('export', run, '--out', file);
  const refused = await json('evaluate', file, '--data', data, '--threshold', 'auto');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('is a model file: it has the threshold that its run ended with');
}, 120_000);

it('refuses a recipe on data of another layout', async () => {
  const { code, stderr } = await json('train', '--recipe', 'brain-mri-unet', '--data', join(root, 'cars'));
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /brain-mri-unet is for data in the format lgg-mri, but .*cars has the format carvana/,
  );
});
