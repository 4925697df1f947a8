import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClassMask } from '../images/raster.js';
import { connectedComponents } from '../objects/index.js';
import { cleanMask } from './components.js';

/** A mask from digits, with `.` for 0. */
function drawn(...rows: readonly string[]): ClassMask {
  const data = Uint8Array.from(rows.join(''), (digit) => (digit === '.' ? 0 : Number(digit)));
  return { width: rows[0]!.length, height: rows.length, data };
}

function shown({ width, data }: ClassMask): string[] {
  const digits = Array.from(data, (value) => (value === 0 ? '.' : String(value))).join('');
  return digits.match(new RegExp(`.{${width}}`, 'g'))!;
}

/** Labels by flood fill from each pixel. */
function flooded({ width, height, data }: ClassMask, background: number): Int32Array {
  const labels = new Int32Array(data.length).fill(-1);
  let count = 0;
  for (let start = 0; start < data.length; start++) {
    if (labels[start] !== -1) continue;
    const label = count++;
    const open = [start];
    labels[start] = label;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if (data[start] === background && dx !== 0 && dy !== 0) continue;
          if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
          const next = at + dy * width + dx;
          if (labels[next] !== -1 || data[next] !== data[start]) continue;
          labels[next] = label;
          open.push(next);
        }
      }
    }
  }
  return labels;
}

const masks = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }), fc.integer({ min: 2, max: 4 }))
  .chain(([width, height, classes]) =>
    fc
      .uint8Array({ minLength: width * height, maxLength: width * height, max: classes - 1 })
      .map((data): ClassMask => ({ width, height, data })),
  );

describe('connected components', () => {
  it('equal those of a flood fill, in order of their first pixels', () => {
    fc.assert(
      fc.property(masks, fc.integer({ min: 0, max: 1 }), (mask, background) => {
        const { labels, components } = connectedComponents(mask, background);
        expect(labels).toEqual(flooded(mask, background));
        components.forEach(({ value, area, first, touchesBorder }, label) => {
          const pixels = [...labels.keys()].filter((i) => labels[i] === label);
          const onBorder = pixels.some((i) => {
            const [x, y] = [i % mask.width, Math.floor(i / mask.width)];
            return x === 0 || y === 0 || x === mask.width - 1 || y === mask.height - 1;
          });
          expect({ value, area, first, touchesBorder }).toEqual({
            value: mask.data[first],
            area: pixels.length,
            first: pixels[0],
            touchesBorder: onBorder,
          });
        });
      }),
      { seed: 1 },
    );
  });
});

describe('cleaning a mask', () => {
  it('keeps the largest component of each class, the first of equally large ones', () => {
    const mask = drawn('11..2', '.1...', '...11', '2.2.1', '2....');
    expect(shown(cleanMask(mask, { keepLargest: true }))).toEqual([
      '11...',
      '.1...',
      '.....',
      '2....',
      '2....',
    ]);
  });

  it('removes components below an area, and keeps those that reach it', () => {
    const mask = drawn('1..22', '.1..2', '.....', '3....');
    expect(shown(cleanMask(mask, { minArea: 3 }))).toEqual(['...22', '....2', '.....', '.....']);
    expect(shown(cleanMask(mask, { minArea: 2 }))).toEqual(['1..22', '.1..2', '.....', '.....']);
    expect(cleanMask(mask, { minArea: 1 })).toEqual(mask);
  });

  it('fills holes enclosed by one class, but neither bays nor gaps between classes', () => {
    const mask = drawn('111....', '1.1.222', '111.2.3', '..1.222', '11...2.');
    expect(shown(cleanMask(mask, { fillHoles: true }))).toEqual([
      '111....',
      '111.222',
      '111.2.3',
      '..1.222',
      '11...2.',
    ]);
  });

  it('supports another class as background', () => {
    const mask = drawn('11111', '1.1..', '11111');
    expect(shown(cleanMask(mask, { keepLargest: true, background: 1 }))).toEqual(['11111', '111..', '11111']);
  });

  it('without a background, assigns removed components to neighbouring classes and fills no holes', () => {
    const mask = drawn('...11', '.2.11', '...13', '11111', '14..1', '11111');
    // The 4 shares three edges with 1, and one with a component of 0 that is removed too.
    expect(shown(cleanMask(mask, { minArea: 3, background: null }))).toEqual([
      '...11',
      '...11',
      '...11',
      '11111',
      '11111',
      '11111',
    ]);
    const inside = drawn('11111', '12221', '12321', '12221', '11111');
    expect(shown(cleanMask(inside, { minArea: 9, background: null }))).toEqual(Array(5).fill('11111'));
    const holes = drawn('111', '1.1', '111');
    expect(cleanMask(holes, { fillHoles: true, background: null })).toEqual(holes);
    const sky = drawn('..1', '111', '1.1');
    expect(shown(cleanMask(sky, { keepLargest: true, background: null }))).toEqual(['..1', '111', '111']);
    const specks = drawn('12', '34');
    expect(cleanMask(specks, { minArea: 2, background: null })).toEqual(specks);
  });

  it('does not change its argument, and rejects invalid areas', () => {
    const mask = drawn('1.1');
    cleanMask(mask, { keepLargest: true, minArea: 5, fillHoles: true });
    expect(shown(mask)).toEqual(['1.1']);
    expect(() => cleanMask(mask, { minArea: -1 })).toThrow(/whole number of pixels/);
    expect(() => cleanMask(mask, { minArea: 1.5 })).toThrow(/whole number of pixels/);
  });

  it('never adds a component', () => {
    fc.assert(
      fc.property(masks, fc.nat({ max: 6 }), fc.boolean(), (mask, minArea, keepLargest) => {
        const cleaned = cleanMask(mask, { minArea, keepLargest });
        const { components } = connectedComponents(cleaned);
        for (const { value, area } of components.filter((c) => c.value !== 0)) {
          expect(area).toBeGreaterThanOrEqual(minArea);
          if (keepLargest) expect(components.filter((c) => c.value === value)).toHaveLength(1);
        }
        expect(cleanMask(cleaned, { minArea, keepLargest })).toEqual(cleaned);
        const all = { minArea, keepLargest, background: null };
        const whole = cleanMask(mask, all);
        const before = connectedComponents(mask, null).components;
        const after = connectedComponents(whole, null).components;
        expect(after.length).toBeLessThanOrEqual(before.length);
        if (before.some(({ area }) => area >= minArea)) {
          expect(cleanMask(whole, all)).toEqual(whole);
          for (const { area } of after) expect(area).toBeGreaterThanOrEqual(minArea);
        }
      }),
      { seed: 2 },
    );
  });
});
