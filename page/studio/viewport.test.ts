import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fit, panBy, resized, toImage, toScreen, zoomAt } from './viewport.js';

const IMAGE = { width: 6000, height: 4000 };
const STAGE = { width: 900, height: 700 };

describe('the viewport', () => {
  it('shows the whole image in the middle', () => {
    const view = fit(IMAGE, STAGE);
    const { x, y } = toScreen(view, { x: 3000, y: 2000 });
    expect([x, y].map(Math.round)).toEqual([450, 350]);
    const corner = toScreen(view, { x: 0, y: 0 });
    expect(corner.x).toBeCloseTo(16);
  });

  it('keeps the point under the pointer where it is when it zooms', () => {
    const at = { x: 333, y: 222 };
    let view = fit(IMAGE, STAGE);
    const point = toImage(view, at);
    for (const factor of [1.5, 3, 7, 0.4, 2]) {
      view = zoomAt(view, at, factor, IMAGE, STAGE);
      expect(toScreen(view, point).x).toBeCloseTo(at.x);
      expect(toScreen(view, point).y).toBeCloseTo(at.y);
    }
  });

  it('never loses the image, and stays within its scales, whatever is done', () => {
    const step = fc.oneof(
      fc.record({ dx: fc.integer({ min: -9000, max: 9000 }), dy: fc.integer({ min: -9000, max: 9000 }) }),
      fc.record({ factor: fc.double({ min: 0.01, max: 100, noNaN: true }), x: fc.nat(900), y: fc.nat(700) }),
    );
    const holds = fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let view = fit(IMAGE, STAGE);
      for (const each of steps) {
        view =
          'dx' in each
            ? panBy(view, each.dx, each.dy, IMAGE, STAGE)
            : zoomAt(view, { x: each.x, y: each.y }, each.factor, IMAGE, STAGE);
      }
      const [left, right] = [toScreen(view, { x: 0, y: 0 }), toScreen(view, { x: 6000, y: 4000 })];
      const seen = right.x > 40 && right.y > 40 && left.x < 860 && left.y < 660;
      return seen && view.scale >= fit(IMAGE, STAGE).scale * 0.499 && view.scale <= 64;
    });
    fc.assert(holds, { numRuns: 100 });
  });

  it('keeps its middle when the stage changes its size', () => {
    const view = zoomAt(fit(IMAGE, STAGE), { x: 100, y: 600 }, 8, IMAGE, STAGE);
    const small = { width: 320, height: 500 };
    const middle = toImage(view, { x: 450, y: 350 });
    const after = toImage(resized(view, STAGE, small, IMAGE), { x: 160, y: 250 });
    expect(after.x).toBeCloseTo(middle.x);
    expect(after.y).toBeCloseTo(middle.y);
  });
});
