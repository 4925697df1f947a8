/** The names of the parts of a data set. */

/** `val`, `validation` and `dev` are `valid`; `training` is `train`; others stay as they are. */
export function officialSplit(name: string): string {
  const lower = name.trim().toLowerCase();
  if (['val', 'valid', 'validation', 'dev'].includes(lower)) return 'valid';
  if (['train', 'training'].includes(lower)) return 'train';
  if (['test', 'testing'].includes(lower)) return 'test';
  return lower;
}
