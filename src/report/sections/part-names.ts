/** What a report calls the parts of the data. */
export const PART_NAMES: Readonly<Record<string, string>> = {
  test: 'Test',
  valid: 'Validation',
  train: 'Training',
};
