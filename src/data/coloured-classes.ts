/** Classes given with their colours in colour masks: `name=#rrggbb`. */
import { UsageError } from '../errors/index.js';
import { classNames, type ClassesOption } from './class-values.js';
import { colourOf } from './legend.js';
import type { LegendEntry } from './mask-meaning.js';

export interface GivenClasses {
  /** The names, or their number. */
  readonly classes: ClassesOption | undefined;
  /** In class order; undefined if no colours are given. */
  readonly colours?: readonly LegendEntry[];
}

/** Whether classes are given with colours. */
export function haveColours(classes: ClassesOption | undefined): classes is readonly string[] {
  return typeof classes === 'object' && classes.some((name) => name.includes('='));
}

/**
 * Separates names and colours.
 *
 * @throws UsageError for a colour that is not written as `#rrggbb`, if only some classes have a colour, or if two
 *   classes have the same colour.
 */
export function givenClasses(classes: ClassesOption | undefined): GivenClasses {
  if (!haveColours(classes)) return { classes };
  const byColour = new Map<string, string>();
  const colours = classes.map((text): LegendEntry => {
    const [, name, hex] = /^(.*)=([^=]*)$/.exec(text) ?? [];
    if (name === undefined || hex === undefined) {
      throw new UsageError(
        `--classes ${text}: this class has no colour and others have one: write ${text}=#rrggbb, or leave all colours out.`,
      );
    }
    const colour = hex.trim().startsWith('#') ? colourOf(hex) : undefined;
    if (name.trim() === '' || colour === undefined) {
      throw new UsageError(
        `--classes ${text}: write a class and its colour as name=#rrggbb, such as car=#ff8800.`,
      );
    }
    const key = colour.join();
    const other = byColour.get(key);
    if (other !== undefined) {
      throw new UsageError(
        `--classes: the colour ${hex.trim()} is given for both ${other} and ${name}. Give each class its own colour.`,
      );
    }
    byColour.set(key, name);
    return { name: name.trim(), colour };
  });
  return { classes: classNames(colours.map(({ name }) => name)), colours };
}
