/** Masks drawn as text, for tests: `.` is class 0, `#` class 1, a digit itself, `x` ignored. */
import type { ClassMask } from '../../src/images/raster.js';

export function maskOf(rows: readonly string[]): ClassMask {
  const values: Readonly<Record<string, number>> = { '.': 0, '#': 1, x: 255 };
  const data = Uint8Array.from([...rows.join('')].map((sign) => values[sign] ?? Number(sign)));
  return { width: rows[0]!.length, height: rows.length, data };
}
