/** Reads values from the JSON files of labelling tools, where a value may have any type. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectsIn = (value: unknown): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;

export const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : Number(value ?? NaN);

/** A width and a height above 0; undefined for anything else. */
export function sizeFrom(width: unknown, height: unknown): { width: number; height: number } | undefined {
  const [w, h] = [numberOf(width), numberOf(height)];
  return Number.isInteger(w) && Number.isInteger(h) && w > 0 && h > 0 ? { width: w, height: h } : undefined;
}

/** `[[x, y], …]` as x, y, x, y …; NaN for anything that is not a point. */
export const flatPoints = (points: unknown): number[] =>
  Array.isArray(points)
    ? points.flatMap((point) => (Array.isArray(point) ? point.slice(0, 2).map(numberOf) : [NaN, NaN]))
    : [];
