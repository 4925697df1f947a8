/** What a pixel's class means in `oxford-pets`. In `binary`, `species` and `breed` the border counts as pet. */
export const PETS_TARGETS = ['trimap', 'binary', 'species', 'breed'] as const;

export type PetsTarget = (typeof PETS_TARGETS)[number];
