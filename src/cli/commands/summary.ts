/** `pixelwise summary MODEL`: layers, shapes, parameters. */
import { createModel, formatModules, formatSizes, formatSummary, summarize } from '../../models/index.js';
import type { Run } from '../command.js';
import { ownOptions } from '../../jobs/model-settings.js';

/** The side of the image for which shapes are told, unless a size is given. */
const DEFAULT_SIDE = 256;

export const run: Run<'summary'> = async (options, { output, words }) => {
  const name = words[0]!;
  const { size = { height: DEFAULT_SIDE, width: DEFAULT_SIDE }, channels = 3, classes = 2 } = options;
  const model = createModel(name, {
    ...ownOptions(name, options),
    channels,
    classes: typeof classes === 'number' ? classes : classes.length,
  });
  const summary = summarize(model, { ...size, channels, name });
  output.line(formatSummary(summary));
  output.line();
  output.line(formatSizes(summary));
  if (options.tree) {
    output.line();
    output.line(formatModules(summary));
  }
  return { json: summary };
};
