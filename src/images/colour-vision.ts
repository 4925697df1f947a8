/** Simulates colour blindness and measures colour differences, to check that palettes are distinguishable. */
import type { Colour } from './palette.js';

export const VISIONS = ['normal', 'protanopia', 'deuteranopia', 'tritanopia'] as const;
export type Vision = (typeof VISIONS)[number];

/**
 * Matrices on linear RGB that simulate dichromatic vision: Machado, Oliveira & Fernandes, "A
 * Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), table 1, severity 1.
 */
const SIMULATION: Readonly<Record<Exclude<Vision, 'normal'>, readonly (readonly number[])[]>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** sRGB to XYZ under D65 (IEC 61966-2-1), each row divided by the white point. */
const TO_XYZ = [
  [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
] as const;

/** CIE L*a*b* of a colour (L 0…100) as seen with the given colour vision. */
export function labOf(colour: Colour, vision: Vision): readonly [number, number, number] {
  const linear = colour.map((byte) => {
    const value = byte / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const seen =
    vision === 'normal'
      ? linear
      : multiply(SIMULATION[vision], linear).map((v) => Math.min(1, Math.max(0, v)));
  const [x, y, z] = multiply(TO_XYZ, seen).map((t) =>
    t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27) * (t / 116) + 16 / 116,
  );
  return [116 * y! - 16, 500 * (x! - y!), 200 * (y! - z!)];
}

/** ΔE*ab (CIE 1976), the distance in L*a*b*: about 2.3 is just noticeable. */
export function colourDistance(a: Colour, b: Colour, vision: Vision = 'normal'): number {
  const [first, second] = [labOf(a, vision), labOf(b, vision)];
  return Math.hypot(...first.map((value, i) => value - second[i]!));
}

/** The smallest distance between any two of the colours. */
export function smallestDistance(colours: readonly Colour[], vision: Vision = 'normal'): number {
  let least = Infinity;
  colours.forEach((one, i) => {
    for (const other of colours.slice(i + 1)) least = Math.min(least, colourDistance(one, other, vision));
  });
  return least;
}

function multiply(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  return matrix.map((row) => row.reduce((sum, weight, i) => sum + weight * vector[i]!, 0));
}
