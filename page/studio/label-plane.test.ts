import { describe, expect, it } from 'vitest';
import { paintStroke, strokeRuns } from '../../src/labels/stroke.js';
import { Random } from '../../src/random/index.js';
import { floodFill } from './flood-fill.js';
import { History } from './history.js';
import { type Box, cutIntoTiles, type Edit, LabelPlane, reversed, TILE, union } from './label-plane.js';

const [WIDTH, HEIGHT] = [700, 600];

/** All labels, row by row. */
function pixelsOf(plane: LabelPlane): Uint8Array {
  const { width, height } = plane;
  return Uint8Array.from({ length: width * height }, (_, i) => plane.get(i % width, Math.floor(i / width)));
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function countsOf(pixels: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const label of pixels) counts[label]!++;
  return counts;
}

function paint(
  plane: LabelPlane,
  label: number,
  radius: number,
  points: [number, number][],
): Edit | undefined {
  plane.begin();
  strokeRuns({ radius, points }, plane.width, plane.height, (y, start, end) =>
    plane.fillRun(y, start, end, label),
  );
  return plane.end('stroke');
}

describe('a label plane', () => {
  it('has the labels that strokes give a plain array, counts them, and makes tiles where there are any', () => {
    const plane = new LabelPlane(WIDTH, HEIGHT);
    const plain = new Uint8Array(WIDTH * HEIGHT).fill(255);
    const stroke = {
      class: 3,
      radius: 12.5,
      points: [
        [250, 10],
        [262, 300],
      ] as [number, number][],
    };
    paint(plane, stroke.class, stroke.radius, stroke.points);
    paintStroke(plain, WIDTH, HEIGHT, stroke);
    expect(same(pixelsOf(plane), plain)).toBe(true);
    expect(plane.counts).toEqual(countsOf(plain));
    expect([...plane.used()].map(([number]) => number)).toEqual([0, 1, 3, 4]);
    expect(plane.labelledPixels).toBe(plain.filter((label) => label === 3).length);
  });

  it('is cut from rows of labels, and is the same afterwards', () => {
    const plain = new Uint8Array(WIDTH * HEIGHT).fill(255);
    paintStroke(plain, WIDTH, HEIGHT, { class: 1, radius: 30, points: [[699, 599]] });
    const tiles = cutIntoTiles(plain, WIDTH, HEIGHT);
    expect(tiles.tiles.map((tile) => tile !== undefined)).toEqual(
      Array.from({ length: 9 }, (_, number) => number === 8),
    );
    expect(same(pixelsOf(new LabelPlane(WIDTH, HEIGHT, tiles)), plain)).toBe(true);
    expect(tiles.counts).toEqual(countsOf(plain));
  });

  it('reports what changes, so that only that is drawn', () => {
    const plane = new LabelPlane(WIDTH, HEIGHT);
    let box: Box | undefined;
    plane.onChange = (part) => (box = box ? union(box, part) : part);
    paint(plane, 1, 5, [[300, 200]]);
    expect(box).toEqual({ left: 295, top: 195, right: 306, bottom: 206 });
  });

  it('undoes and redoes 200 strokes exactly, within 64 MiB', () => {
    const random = new Random(7, 'strokes');
    const plane = new LabelPlane(1000, 800);
    const history = new History();
    const states: Uint8Array[] = [];
    const checked = new Set([0, 100, 199]);
    const point = (): [number, number] => [random.integer(1000), random.integer(800)];
    for (let i = 0; i < 200; i++) {
      if (checked.has(i)) states.push(pixelsOf(plane));
      const edit = paint(plane, random.integer(4) === 0 ? 255 : random.integer(5), 50, [point(), point()]);
      history.add('image', edit ?? { name: 'none', deltas: [], bytes: 0 });
    }
    const last = pixelsOf(plane);
    expect(history.bytes).toBeLessThan(64 * 2 ** 20);
    for (let i = 199; i >= 0; i--) {
      plane.apply(history.undo('image')!, 'undo');
      if (checked.has(i)) expect(same(pixelsOf(plane), states.pop()!)).toBe(true);
    }
    expect(plane.labelledPixels).toBe(0);
    expect(history.undo('image')).toBeUndefined();
    for (let i = 0; i < 200; i++) plane.apply(history.redo('image')!, 'redo');
    expect(same(pixelsOf(plane), last)).toBe(true);
    expect(plane.counts).toEqual(countsOf(last));
  });

  it('makes an edit again on labels that others changed', () => {
    const mine = new LabelPlane(WIDTH, HEIGHT);
    const edit = paint(mine, 2, 40, [
      [100, 100],
      [600, 500],
    ])!;
    const theirs = new LabelPlane(WIDTH, HEIGHT);
    paint(theirs, 1, 30, [
      [600, 100],
      [100, 500],
    ]);
    const expected = pixelsOf(theirs);
    paintStroke(expected, WIDTH, HEIGHT, {
      class: 2,
      radius: 40,
      points: [
        [100, 100],
        [600, 500],
      ],
    });
    theirs.begin();
    theirs.reapply(edit);
    theirs.end('merge');
    expect(same(pixelsOf(theirs), expected)).toBe(true);
    mine.begin();
    mine.reapply(reversed(edit));
    mine.end('undo');
    expect(mine.labelledPixels).toBe(0);
  });

  it('takes labels only where there are none', () => {
    const plane = new LabelPlane(TILE + 10, 4);
    paint(plane, 1, 0, [
      [3, 1],
      [5, 1],
    ]);
    const row = new Uint8Array(TILE + 10).fill(2);
    row[0] = 255;
    plane.begin();
    plane.fillUnlabelled(1, 0, TILE + 10, row, 0);
    plane.end('accepted');
    expect([0, 1, 2, 3, 5, 6, TILE + 9].map((x) => plane.get(x, 1))).toEqual([255, 2, 2, 1, 1, 2, 2]);
    expect(plane.get(1, 0)).toBe(255);
  });
});

describe('history', () => {
  const edit = (bytes: number): Edit => ({ name: 'an edit', deltas: [], bytes });

  it('is kept for each image, and a new edit ends what could be redone', () => {
    const history = new History();
    history.add('a', edit(1));
    history.add('b', edit(2));
    expect(history.undo('b')?.bytes).toBe(2);
    expect([history.canUndo('a'), history.canUndo('b'), history.canRedo('b')]).toEqual([true, false, true]);
    history.add('b', edit(3));
    expect(history.canRedo('b')).toBe(false);
    expect(history.bytes).toBe(4);
    history.clear('b');
    expect([history.bytes, history.canUndo('b')]).toEqual([1, false]);
  });

  it('forgets the oldest edits of the images that were edited longest ago, but never the newest edit', () => {
    const history = new History(100);
    for (const id of ['a', 'b', 'a']) history.add(id, edit(40));
    expect([history.bytes, history.canUndo('b')]).toEqual([80, false]);
    history.add('a', edit(500));
    expect(history.bytes).toBe(500);
    expect(history.undo('a')?.bytes).toBe(500);
    expect(history.undo('a')).toBeUndefined();
  });
});

describe('floodFill', () => {
  it('fills the region of equal labels that touch at their sides, across tiles, and nothing else', () => {
    const plane = new LabelPlane(WIDTH, HEIGHT);
    // A ring, its inside, and a wall that touches the ring at a corner.
    for (let i = 0; i < 64; i++) {
      const angle = (i / 64) * 2 * Math.PI;
      const next = ((i + 1) / 64) * 2 * Math.PI;
      const at = (a: number): [number, number] => [
        Math.round(300 + 200 * Math.cos(a)),
        Math.round(290 + 200 * Math.sin(a)),
      ];
      paint(plane, 1, 3, [at(angle), at(next)]);
    }
    const before = pixelsOf(plane);
    plane.begin();
    for (const pause of floodFill(plane, 300, 290, 2)) expect(pause).toBeUndefined();
    const edit = plane.end('fill')!;
    const after = pixelsOf(plane);
    const inside = (x: number, y: number) => Math.hypot(x - 300, y - 290) < 199;
    let wrong = 0;
    after.forEach((label, i) => {
      const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
      const expected = before[i] === 255 && inside(x, y) ? 2 : before[i];
      if (label !== expected) wrong++;
    });
    expect(wrong).toBe(0);
    plane.apply(edit, 'undo');
    expect(same(pixelsOf(plane), before)).toBe(true);
  });

  it('fills a plane that is all one region, and does nothing where the label is there already', () => {
    const plane = new LabelPlane(600, 300);
    plane.begin();
    for (const _ of floodFill(plane, 0, 0, 4));
    expect(plane.end('fill')!.deltas.length).toBe(6);
    expect(plane.counts[4]).toBe(600 * 300);
    plane.begin();
    for (const _ of floodFill(plane, 5, 5, 4));
    expect(plane.end('fill')).toBeUndefined();
  });
});
