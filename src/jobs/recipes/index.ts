/** The recipes by name, and how one becomes settings. */
import { PixelwiseError, UsageError } from '../../errors/index.js';
import { recogniseFormat } from '../../data/index.js';
import { BELONGING } from '../learning-settings.js';
import type { TrainOptions, TrainSettings } from '../train-options.js';
import { MODEL_OPTIONS } from '../train-options.js';
import { BRAIN_MRI_UNET } from './brain-mri-unet.js';
import { CARVANA_UNET } from './carvana-unet.js';
import { PETS_MOBILENET_UNET } from './pets-mobilenet-unet.js';
import { PETS_SEGNET } from './pets-segnet.js';
import type { Recipe } from './recipe.js';

export type { Recipe } from './recipe.js';

export const RECIPES: readonly Recipe[] = [PETS_MOBILENET_UNET, BRAIN_MRI_UNET, CARVANA_UNET, PETS_SEGNET];

/** @throws UsageError naming the recipes there are. */
export function recipeNamed(name: string): Recipe {
  const found = RECIPES.find((recipe) => recipe.name === name);
  if (found) return found;
  throw new UsageError(
    `there is no recipe "${name}"; choose one of ${RECIPES.map((recipe) => recipe.name).join(', ')}`,
  );
}

/**
 * The options with those of their recipe filled in; what is given overrides it. Options without a recipe come
 * back as they are.
 *
 * @throws PixelwiseError `recipe` where the data is laid out for another recipe and no `format` insists.
 */
export async function withRecipe(options: TrainOptions): Promise<TrainOptions> {
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
  const filled = { format, ...recipe, ...given } as TrainOptions;
  // Two ways to say how long: the one that was given counts.
  return options.minutes === undefined ? filled : { ...filled, epochs: options.epochs };
}

/** Settings of a recipe that mean nothing where a flag names another model, optimizer, schedule or loss. */
const GOING_WITH: Partial<Record<keyof TrainSettings, readonly (keyof TrainSettings)[]>> = {
  model: [...MODEL_OPTIONS, 'encoderWeights', 'unfreezeAfter', 'encoderLr'],
  ...BELONGING,
};

/** What of a recipe's settings can stand beside those that were given. */
function fitting(settings: TrainSettings, given: TrainSettings): TrainSettings {
  const left = new Set<string>();
  for (const [choice, dependents] of Object.entries(GOING_WITH)) {
    const wanted = given[choice as keyof TrainSettings];
    if (wanted === undefined || wanted === settings[choice as keyof TrainSettings]) continue;
    dependents.forEach((name) => left.add(name));
  }
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !left.has(name)));
}
