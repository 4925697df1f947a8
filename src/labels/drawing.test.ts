import { expect, it } from 'vitest';
import { drawStroke } from './drawing.js';

it('draws a stroke and tells the box that it changed', () => {
  const plane = { width: 5, height: 4, data: new Uint8Array(20).fill(255) };
  const points = [[3, 1] as const];
  expect(drawStroke(plane, { class: 2, radius: 1, points })).toEqual({ x0: 2, y0: 0, x1: 4, y1: 2 });
  expect([...plane.data].map((value) => (value === 255 ? '.' : value)).join('')).toBe('...2...222...2......');
  expect(drawStroke(plane, { class: 1, radius: 1, points: [[-9, 1]] })).toBeUndefined();
});
