import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findObjects } from './find-objects.js';
import { classOfOutputs, distancesToEdge, energyOfOutputs, levelNames, levelsOf } from './levels.js';
import { classesOfCodes, objectCode } from './object-codes.js';
import { objectsOfCodes } from './object-map.js';

const SIDE = 40;
/** Discs of two classes that overlap: centre, radius, class. */
const discs = fc.array(
  fc.tuple(
    fc.nat(SIDE - 1),
    fc.nat(SIDE - 1),
    fc.integer({ min: 3, max: 9 }),
    fc.integer({ min: 1, max: 2 }),
  ),
  { minLength: 1, maxLength: 6 },
);

function drawn(all: readonly (readonly [number, number, number, number])[]): Uint32Array {
  const codes = new Uint32Array(SIDE * SIDE);
  all.forEach(([cx, cy, radius, value], k) => {
    for (let i = 0; i < codes.length; i++) {
      const distance = Math.hypot((i % SIDE) - cx, Math.floor(i / SIDE) - cy);
      if (distance <= radius) codes[i] = objectCode(k + 1, value);
    }
  });
  return codes;
}

const mask = (data: Uint32Array, width = SIDE) => ({ width, height: data.length / width, data });

describe('levelsOf', () => {
  it('names the outputs, with their classes and energies', () => {
    expect(levelNames(['background', 'a', 'b'])).toEqual([
      'background',
      'a rim',
      'a between',
      'a core',
      'b rim',
      'b between',
      'b core',
    ]);
    expect(classOfOutputs(3)).toEqual([0, 1, 1, 1, 2, 2, 2]);
    expect(energyOfOutputs(2)).toEqual([0, 1 / 3, 2 / 3, 1]);
  });

  it('measures the distance to the next pixel of something else', () => {
    fc.assert(
      fc.property(discs, (all) => {
        const codes = drawn(all);
        const distances = distancesToEdge(SIDE, SIDE, codes);
        for (let i = 0; i < codes.length; i += 7) {
          if (codes[i] === 0) continue;
          let nearest = Infinity;
          for (let j = 0; j < codes.length; j++) {
            if (codes[j] === codes[i]) continue;
            const [dx, dy] = [(i % SIDE) - (j % SIDE), Math.floor(i / SIDE) - Math.floor(j / SIDE)];
            nearest = Math.min(nearest, Math.hypot(dx, dy));
          }
          if (nearest < 100) expect(distances[i]).toBeCloseTo(nearest, 4);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('keeps classes, background and ignored pixels; every object has a core, touching ones a rim between them', () => {
    fc.assert(
      fc.property(discs, (all) => {
        const codes = drawn(all);
        codes.fill(255, 0, SIDE);
        const levels = levelsOf(mask(codes));
        const classOf = classOfOutputs(3);
        const cores = new Set<number>();
        const areas = new Map<number, number>();
        for (const code of codes) areas.set(code, (areas.get(code) ?? 0) + 1);
        levels.forEach((level, i) => {
          const wrong =
            level === 255 || level === 0 ? codes[i] !== level : classOf[level] !== (codes[i]! & 255);
          if (wrong) expect(level).toBe(codes[i]);
          if (level !== 255 && level > 0 && level % 3 === 0) cores.add(codes[i]!);
          const right = codes[i + 1];
          if ((i + 1) % SIDE > 0 && codes[i]! > 255 && right! > 255 && right !== codes[i]) {
            // Slivers of a pixel or two are all core.
            if (areas.get(codes[i]!)! > 40) expect(level % 3).toBe(1);
          }
        });
        expect(cores).toEqual(new Set(codes.filter((code) => code > 255)));
      }),
      { numRuns: 20 },
    );
  });

  it('does not take the edge of the image, or ignored pixels, for the edge of an object', () => {
    const whole = new Uint32Array(100).fill(objectCode(1, 1));
    expect(new Set(levelsOf(mask(whole, 10)))).toEqual(new Set([3]));
    const cut = whole.map((code, i) => (i % 10 < 5 ? code : 255));
    expect(new Set(levelsOf(mask(cut, 10)))).toEqual(new Set([3, 255]));
  });
});

describe('findObjects', () => {
  it('finds discs again in their levels, each as one', () => {
    const codes = drawn([
      [10, 10, 8, 1],
      [24, 11, 8, 2],
      [17, 24, 8, 1],
      [33, 33, 5, 2],
      [2, 38, 3, 1],
    ]);
    const energies = energyOfOutputs(3);
    const energy = levelsOf(mask(codes)).map((level) => Math.round(255 * energies[level]!));
    const found = findObjects({ width: SIDE, height: SIDE, classes: classesOfCodes(codes), energy });
    const { labels, classes } = objectsOfCodes(mask(codes));
    expect(found.classes).toEqual(classes);
    const wrong = found.labels.filter((label, i) => label !== labels[i]).length;
    expect(wrong).toBeLessThan(0.02 * codes.filter((code) => code > 0).length);
  });

  it('joins a fragment to the object that it touches, and leaves one that stands alone', () => {
    const [width, height] = [24, 16];
    const withArm = (gap: number) => {
      const classes = new Uint8Array(width * height);
      const energy = new Uint8Array(width * height);
      const fill = (left: number, top: number, w: number, h: number, level: number) => {
        for (let y = top; y < top + h; y++) {
          classes.fill(1, y * width + left, y * width + left + w);
          energy.fill(level, y * width + left, y * width + left + w);
        }
      };
      fill(2, 2, 12, 12, 85);
      fill(5, 5, 6, 6, 255);
      // A core of its own at the tip, behind a valley.
      fill(14 + gap, 7, 6, 2, 85);
      fill(17 + gap, 7, 2, 2, 255);
      return findObjects({ width, height, classes, energy });
    };
    expect(withArm(0).classes).toHaveLength(1);
    expect(withArm(0).labels.filter((label) => label === 1)).toHaveLength(12 * 12 + 12);
    expect(withArm(1).classes).toHaveLength(2);
  });

  it('finds nothing in nothing, and one object where all is core', () => {
    const plane = (value: number) => new Uint8Array(35).fill(value);
    const field = (value: number) => ({
      width: 7,
      height: 5,
      classes: plane(value && 1),
      energy: plane(value),
    });
    expect(findObjects(field(0)).classes).toHaveLength(0);
    expect(new Set(findObjects(field(255)).labels)).toEqual(new Set([1]));
    // Without a core, a piece of foreground is an object.
    expect(new Set(findObjects(field(20)).labels)).toEqual(new Set([1]));
    expect(findObjects(field(255), 36).classes).toHaveLength(0);
  });
});
