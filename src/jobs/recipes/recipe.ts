/** What a recipe is: a published work's settings by the names of the command line, and what it reached. */
import type { FormatName } from '../../data/index.js';
import type { PublishedFigure } from '../../training/index.js';
import type { TrainSettings } from '../train-options.js';

export interface Recipe {
  /** As `--recipe` takes it. */
  readonly name: string;
  /** One line, for help. */
  readonly summary: string;
  /** The work that is repeated. */
  readonly source: string;
  /** The layout of the data that it is for. */
  readonly format: FormatName;
  /** Everything it sets. Flags override it. */
  readonly settings: TrainSettings;
  /** What `--as-published` sets besides: the published code's defects. */
  readonly asPublished: TrainSettings;
  /** How `settings` differ from the published code, a sentence each. */
  readonly differences: readonly string[];
  readonly published: readonly PublishedFigure[];
}
