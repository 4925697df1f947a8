/** Applies recipes to options. */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { recogniseFormat } from '../../data/index.js';
import { type Choice, settingsApplyingTo } from '../../training/run-settings.js';
import type { NamedTrainOptions, TrainSettings } from '../train-options.js';
import { recipeNamed } from './registry.js';

export type { Recipe } from './recipe.js';

export { recipeNamed, RECIPES } from './registry.js';

/**
 * Fills in the settings of the recipe that the options name. Given options take precedence. Options without a recipe
 * are returned unchanged.
 *
 * @throws PixelwiseError `recipe` if the data has another format than the recipe is for, and `format` is not given.
 */
export async function withRecipe(options: NamedTrainOptions): Promise<NamedTrainOptions> {
  const filled = filledByRecipe(options);
  if (options.recipe === undefined || options.format !== undefined) return filled;
  const { name, format } = recipeNamed(options.recipe);
  const found = await recogniseFormat(options.data, format);
  if (found === format) return filled;
  throw new PixelwiseError(
    'recipe',
    `the recipe ${name} is for data in the format ${format}, but ${options.data} has the format ${found}. ` +
      `Use other data, or give --format ${found} to train on this data with the settings of the recipe.`,
  );
}

/** The options with those of their recipe, without a look at the data. */
export function filledByRecipe(options: NamedTrainOptions): NamedTrainOptions {
  if (options.recipe === undefined) {
    if (!options.asPublished) return options;
    throw new UsageError('--as-published only applies to a recipe: name one with --recipe');
  }
  const { format, settings, asPublished } = recipeNamed(options.recipe);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const recipe = applicableSettings({ ...settings, ...(options.asPublished && asPublished) }, options);
  const filled = { format, ...recipe, ...given } as NamedTrainOptions;
  // Given minutes replace the epochs of the recipe.
  return options.minutes === undefined ? filled : { ...filled, epochs: options.epochs };
}

/** Settings of a recipe that, besides the model's options, only apply to the recipe's model. */
const OTHER_MODEL_SETTINGS = ['encoderWeights', 'unfreezeAfter', 'encoderLr'];

/** Removes the settings that belong to a model, optimizer, schedule or loss that the given options replace. */
function applicableSettings(settings: TrainSettings, given: TrainSettings): TrainSettings {
  const left = new Set<string>();
  for (const choice of ['model', 'optimizer', 'schedule', 'loss'] satisfies Choice[]) {
    if (given[choice] === undefined || given[choice] === settings[choice]) continue;
    settingsApplyingTo(choice).forEach((name) => left.add(name));
    if (choice === 'model') OTHER_MODEL_SETTINGS.forEach((name) => left.add(name));
  }
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !left.has(name)));
}
