/** Evenly spaced selections. */

/** At most `count` whole numbers below `length`, evenly spread, the first and (of two or more) the last among them. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  const gaps = Math.max(1, count - 1);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / gaps));
}

/** All whole numbers below `length`, in an order in which the first n are evenly spread, for any n. */
export function spreadOrder(length: number): number[] {
  if (length < 1) return [];
  // Steps of the golden section leave no large gaps; a step coprime to `length` visits all numbers.
  let step = Math.max(1, Math.round(length * 0.6180339887498949));
  while (greatestCommonDivisor(step, length) > 1) step++;
  return Array.from({ length }, (_, i) => (i * step) % length);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
