/** The names of the data's parts in a report. */
export const PART_NAMES: Readonly<Record<string, string>> = {
  test: 'Test',
  valid: 'Validation',
  train: 'Training',
};
