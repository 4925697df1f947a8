/** A recipe: the settings of a published work, under the names of the command line, and its published results. */
import type { FormatName } from '../../data/index.js';
import type { PublishedFigure } from '../../training/index.js';
import type { TrainSettings } from '../train-options.js';

export interface Recipe {
  /** The name for `--recipe`. */
  readonly name: string;
  /** One line, for help. */
  readonly summary: string;
  /** The published work. */
  readonly source: string;
  /** The format of the data that the recipe is for. */
  readonly format: FormatName;
  /** Everything it sets. Flags override it. */
  readonly settings: TrainSettings;
  /** Additional settings for `--as-published`, which reproduce the defects of the published code. */
  readonly asPublished: TrainSettings;
  /** How `settings` differ from the published code, one entry per difference. */
  readonly differences: readonly string[];
  readonly published: readonly PublishedFigure[];
}
