/** How a recipe becomes settings. */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { recogniseFormat } from '../../data/index.js';
import { type Choice, settingsApplyingTo } from '../../training/run-settings.js';
import type { NamedTrainOptions, TrainSettings } from '../train-options.js';
import { recipeNamed } from './registry.js';

export type { Recipe } from './recipe.js';

export { recipeNamed, RECIPES } from './registry.js';

/**
 * The options with those of their recipe filled in; what is given overrides it. Options without a recipe come
 * back as they are.
 *
 * @throws PixelwiseError `recipe` where the data is laid out for another recipe and no `format` insists.
 */
export async function withRecipe(options: NamedTrainOptions): Promise<NamedTrainOptions> {
  if (options.recipe === undefined) {
    if (!options.asPublished) return options;
    throw new UsageError('--as-published says how a recipe is followed: name one by --recipe');
  }
  const { name, format, settings, asPublished } = recipeNamed(options.recipe);
  if (options.format === undefined) {
    const found = await recogniseFormat(options.data, format);
    if (found !== format) {
      throw new PixelwiseError(
        'recipe',
        `the recipe ${name} is for data laid out as ${format}; ${options.data} is laid out as ${found}. ` +
          `Give it such data, or insist with --format ${found} to train on this by the same settings.`,
      );
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const recipe = fitting({ ...settings, ...(options.asPublished && asPublished) }, options);
  const filled = { format, ...recipe, ...given } as NamedTrainOptions;
  // Two ways to say how long: the one that was given counts.
  return options.minutes === undefined ? filled : { ...filled, epochs: options.epochs };
}

/** Settings that a recipe names for its model, and that are left out if another model is named. */
const ALSO_OF_MODEL = ['encoderWeights', 'unfreezeAfter', 'encoderLr'];

/** The settings of a recipe without those of a model, optimizer, schedule or loss that was replaced. */
function fitting(settings: TrainSettings, given: TrainSettings): TrainSettings {
  const left = new Set<string>();
  for (const choice of ['model', 'optimizer', 'schedule', 'loss'] satisfies Choice[]) {
    if (given[choice] === undefined || given[choice] === settings[choice]) continue;
    settingsApplyingTo(choice).forEach((name) => left.add(name));
    if (choice === 'model') ALSO_OF_MODEL.forEach((name) => left.add(name));
  }
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !left.has(name)));
}
