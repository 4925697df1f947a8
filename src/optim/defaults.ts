/** Options with defaults: what is not given, or given as undefined, takes its default. */
export function withDefaults<Options extends object>(
  defaults: Readonly<Options>,
  given: Partial<Options>,
): Options {
  const options: Options = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof Options)[]) {
    const value = given[key];
    if (value !== undefined) options[key] = value;
  }
  return options;
}
