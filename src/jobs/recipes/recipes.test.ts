import { DeviceArray } from '../../runtime/index.js';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, temporaryFolder } from '../../../test/support/made-data.js';
import { OPTIONS } from '../../cli/options.js';
import { FORMAT_NAMES, parseAugmentation } from '../../data/index.js';
import { createModel, modelEntry } from '../../models/index.js';
import { parseLosses } from '../../nn/index.js';
import { lossOf, optimizerOf } from '../learning-settings.js';
import { recipeNamed, RECIPES, withRecipe } from './index.js';

describe.each(RECIPES)('$name', ({ name, format, settings, asPublished, differences, published }) => {
  it('says only what the command line can say, within its ranges', () => {
    const rows = OPTIONS as Readonly<Record<string, { kind: { read(value: unknown): unknown } } | undefined>>;
    for (const [key, value] of Object.entries({ ...settings, ...asPublished })) {
      const expected = key === 'size' ? { height: value as number, width: value as number } : value;
      expect(rows[key]?.kind.read(value), key).toEqual(expected);
    }
  });

  it('has a model, a loss and augmentations that there are', () => {
    const { model, loss, augment } = settings;
    expect(FORMAT_NAMES).toContain(format);
    expect(() => modelEntry(model!)).not.toThrow();
    expect(parseLosses(loss!).length).toBeGreaterThan(0);
    for (const list of [augment, asPublished.augment])
      expect(() => parseAugmentation(list ?? '')).not.toThrow();
  });

  it('names its differences, and what it is compared with', () => {
    expect(differences.length).toBeGreaterThan(0);
    for (const { value, score } of published) {
      expect(value).toBeGreaterThan(0);
      expect(score).toMatch(/^(valid|test)\.\w+(\.\w+)?$/);
    }
    expect(OPTIONS.recipe.kind.words).toContain(name);
  });
});

describe('withRecipe', () => {
  let root: string;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ path: root, remove } = await temporaryFolder());
    await makeFolder(join(root, 'cells'), { count: 2, values: [0, 255] });
  });
  afterEach(() => remove());

  it('is the command line’s list', () => {
    expect(OPTIONS.recipe.kind.words).toEqual(RECIPES.map(({ name }) => name));
    expect(() => recipeNamed('carvana')).toThrow(/no recipe "carvana"; choose one of pets-mobilenet-unet/);
  });

  it('refuses data of another layout, naming both, unless a format insists', async () => {
    const data = join(root, 'cells');
    const refused = withRecipe({ data, recipe: 'brain-mri-unet' });
    await expect(refused).rejects.toThrow(
      /brain-mri-unet is for data in the format lgg-mri, but .*cells has the format folder/,
    );
    const insisted = await withRecipe({ data, recipe: 'brain-mri-unet', format: 'folder' });
    expect(insisted).toMatchObject({ format: 'folder', sampler: 'weighted', dropout: 0.6 });
  });

  it('lets flags override it, and defects only where they are asked for', async () => {
    const options = { data: join(root, 'cells'), format: 'folder', recipe: 'carvana-unet' } as const;
    const plain = await withRecipe({ ...options, width: 8, batch: undefined });
    expect(plain).toMatchObject({ width: 8, batch: 32, augment: 'carvana-unet', epochs: 5 });
    expect(plain.maskInterpolation).toBeUndefined();
    expect(await withRecipe({ ...options, asPublished: true, augment: 'none' })).toMatchObject({
      maskInterpolation: 'as-image',
      augment: 'none',
    });
    expect(await withRecipe({ ...options, minutes: 2 })).toMatchObject({ minutes: 2, epochs: undefined });
  });

  it('leaves out what belongs to a choice that a flag changes', async () => {
    const options = { data: join(root, 'cells'), format: 'folder', recipe: 'pets-segnet' } as const;
    const smooth = await withRecipe({ ...options, schedule: 'cosine' });
    expect(smooth).toMatchObject({ schedule: 'cosine', model: 'segnet', stages: 4 });
    expect(smooth).not.toHaveProperty('stepEpochs');
    const other = await withRecipe({ ...options, model: 'unet', schedule: 'step', stepFactor: 0.5 });
    expect(other).toMatchObject({ model: 'unet', stepEpochs: 7, stepFactor: 0.5 });
    expect(other).not.toHaveProperty('stages');
  });

  it('does nothing without a recipe, and refuses to follow none as published', async () => {
    const options = { data: root };
    expect(await withRecipe(options)).toBe(options);
    await expect(withRecipe({ data: root, asPublished: true })).rejects.toThrow(/name one with --recipe/);
  });
});

it('has RMSprop as Keras has it', () => {
  const { optimizer, lr, alpha, eps } = recipeNamed('carvana-unet').settings;
  const plan = { optimizer: optimizer!, lr: Number(lr), alpha, eps };
  const [group] = optimizerOf(plan)([
    { name: 'w', weight: new DeviceArray('w', [1]), gradient: new DeviceArray('g', [1]) },
  ]).groups;
  expect(group).toMatchObject({ lr: 1e-5, alpha: 0.9, eps: 1e-7, momentum: 0, weightDecay: 0 });
});

it('has the published sizes of models', () => {
  const count = (name: string, classes: string[], all = true) => {
    const { model, width, depth, dropout, dropoutAt, batchNorm, freezeEncoder } = recipeNamed(name).settings;
    const given = { width, depth, dropout, dropoutAt, batchNorm, freezeEncoder };
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const made = createModel(model!, { ...options, classes: classes.length });
    return made
      .namedParameters()
      .filter(([, weight]) => all || weight.requiresGrad)
      .reduce((sum, [, weight]) => sum + weight.size, 0);
  };
  const two = ['background', 'lesion'];
  expect(count('brain-mri-unet', two)).toBe(31_031_745);
  expect(count('carvana-unet', two)).toBe(31_031_745);
  expect(count('pets-mobilenet-unet', ['pet', 'background', 'border'], false)).toBe(1_565_763);
  expect(lossOf({ loss: recipeNamed('brain-mri-unet').settings.loss! }).map(({ weight }) => weight)).toEqual([
    0.3, 0.7,
  ]);
});
