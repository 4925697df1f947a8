/** The legend of error maps. */
import type { ErrorKind } from '../error-map.js';
import type { Html } from '../page/html.js';
import { legend } from './class-colours.js';

const NAMES = [
  ['falsePositive', 'False positive'],
  ['falseNegative', 'False negative'],
  ['wrongClass', 'Wrong class'],
] as const;

/**
 * Lists the kinds of errors that can occur: with two classes there is no wrong class, and without a background class
 * there is nothing else.
 *
 * @param colours as `#rrggbb`. @param classes how many.
 */
export function errorLegend(
  colours: Readonly<Partial<Record<Exclude<ErrorKind, 'correct'>, string | undefined>>>,
  classes: number,
  background: number | null,
): Html {
  return legend(
    NAMES.flatMap(([kind, name]) => {
      const colour = colours[kind];
      const occurs = kind === 'wrongClass' ? classes > 2 : background !== null;
      return occurs && colour !== undefined ? [{ colour, name }] : [];
    }),
  );
}
