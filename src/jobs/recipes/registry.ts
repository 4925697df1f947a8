/** The recipes by name. */
import { UsageError } from '../../errors/index.js';
import { BRAIN_MRI_UNET } from './brain-mri-unet.js';
import { CARVANA_UNET } from './carvana-unet.js';
import { PETS_MOBILENET_UNET } from './pets-mobilenet-unet.js';
import { PETS_SEGNET } from './pets-segnet.js';
import type { Recipe } from './recipe.js';

export const RECIPES: readonly Recipe[] = [PETS_MOBILENET_UNET, BRAIN_MRI_UNET, CARVANA_UNET, PETS_SEGNET];

/** @throws UsageError for an unknown name; it lists the recipes. */
export function recipeNamed(name: string): Recipe {
  const found = RECIPES.find((recipe) => recipe.name === name);
  if (found) return found;
  throw new UsageError(
    `there is no recipe "${name}"; choose one of ${RECIPES.map((recipe) => recipe.name).join(', ')}`,
  );
}
