/** What the colours of error maps stand for. */
import type { ErrorKind } from '../error-map.js';
import type { Html } from '../page/html.js';
import { legend } from './class-colours.js';

const NAMES = [
  ['falsePositive', 'False positive'],
  ['falseNegative', 'False negative'],
  ['wrongClass', 'Another class'],
] as const;

/**
 * Names the kinds of errors that there can be: between two classes none is taken for another, and where no
 * class is the background nothing else happens.
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
