import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { tiff } from '../../test/support/tiff.js';
import { encodeIndexedPng } from '../images/png-write.js';
import { findMaskMeaning, type MaskMeaningOptions } from './mask-meaning.js';
import { readMask } from './mask-reading.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
afterAll(() => remove());

const side = 64;

/** Classes of scene `n`: discs of classes 1 … `classes` on 0; with `numbered`, each disc its own number. */
function scene(n: number, { classes = 1, discs = 4, numbered = false } = {}): Uint8Array {
  const mask = new Uint8Array(side * side);
  for (let d = 0; d < discs; d++) {
    const [cx, cy] = numbered
      ? [8 + 16 * (d % 4), 8 + 16 * Math.floor(d / 4)]
      : [(n * 17 + d * 29) % side, (n * 11 + d * 23) % side];
    const radius = numbered ? 6 : 8 + (d % 3);
    for (let i = 0; i < mask.length; i++) {
      if (((i % side) - cx) ** 2 + (Math.floor(i / side) - cy) ** 2 < radius ** 2)
        mask[i] = numbered ? d + 1 : 1 + (d % classes);
    }
  }
  return mask;
}

type Encode = (mask: Uint8Array, n: number) => Promise<Uint8Array> | Uint8Array;

let sets = 0;
/** Writes masks of several scenes and gives their files. */
async function masks(
  ending: string,
  truth: (n: number) => Uint8Array,
  encode: Encode,
  count = 8,
): Promise<string[]> {
  const folder = join(root, `set${sets++}`);
  await mkdir(folder);
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const file = join(folder, `m${n}.${ending}`);
      await writeFile(file, await encode(truth(n), n));
      return file;
    }),
  );
}

const raw = (data: Uint8Array, channels: 1 | 2 | 3 | 4 = 1) =>
  sharp(data, { raw: { width: side, height: side, channels } });
const grey =
  (table: (v: number) => number): Encode =>
  (mask) =>
    raw(mask.map(table)).toColourspace('b-w').png().toBuffer();
const colours = (list: readonly (readonly number[])[]) => (mask: Uint8Array) =>
  Uint8Array.from([...mask].flatMap((v) => list[v]!));

/** How the masks are understood, and how many pixels of all files differ from the truth. */
async function understood(
  files: readonly string[],
  truth: (n: number) => Uint8Array,
  options: Partial<MaskMeaningOptions> = {},
) {
  const meaning = await findMaskMeaning(files, { where: root, ...options });
  let wrong = 0;
  for (const [n, file] of files.entries()) {
    const { data } = await readMask(file, meaning.reading);
    const expected = truth(n);
    data.forEach((value, i) => (wrong += value === expected[i] ? 0 : 1));
  }
  return { meaning, wrong, codes: meaning.findings.map(({ level, code }) => `${level} ${code}`) };
}

const binary = (n: number): Uint8Array => scene(n);
const three = (n: number): Uint8Array => scene(n, { classes: 2 });
const names3 = ['background', 'red', 'green'];

describe('values', () => {
  it.each([
    ['0 and 1', (v: number): number => v, 1],
    ['0 and 255', (v: number): number => 255 * v, 1],
    ['0 and 128', (v: number): number => 128 * v, 1],
    ['0, 5 and 10', (v: number): number => 5 * v, 2],
    ['0, 127 and 255', (v: number): number => [0, 127, 255][v]!, 2],
    ['0, 1 and 2', (v: number): number => v, 2],
  ])('%s', async (_, table, classes) => {
    const truth = (n: number): Uint8Array => scene(n, { classes });
    const files = await masks('png', truth, grey(table));
    const { meaning, wrong, codes } = await understood(files, truth);
    expect([meaning.names.length, wrong]).toEqual([classes + 1, 0]);
    expect(codes).toEqual(['note mask-meaning']);
  });

  it('0 and 255 for a model trained on 0 and 1 are background and object, and it is said', async () => {
    const files = await masks(
      'png',
      binary,
      grey((v) => 255 * v),
    );
    const { wrong, codes } = await understood(files, binary, {
      classes: ['background', 'cell'],
      maskValues: 'indices',
    });
    expect(wrong).toBe(0);
    expect(codes).toContain('note mask-values-other');
    const plain = await masks(
      'png',
      binary,
      grey((v) => v),
    );
    expect((await understood(plain, binary, { classes: 2, maskValues: 'zero-or-full' })).wrong).toBe(0);
  });

  it('255 beside 0 and 1 in one file is ignored; in files of its own it is the object', async () => {
    const ignored = (n: number): Uint8Array => binary(n).map((v, i) => (i < 40 ? 255 : v));
    const one = await understood(
      await masks(
        'png',
        ignored,
        grey((v) => v),
      ),
      ignored,
    );
    expect([one.wrong, one.meaning.names.length]).toEqual([0, 2]);
    const mixed = await masks('png', binary, (mask, n) => grey((v) => (n % 2 ? 255 * v : v))(mask, n));
    const other = await understood(mixed, binary);
    expect(other.wrong).toBe(0);
    expect(other.codes).toContain('warning mask-values-mixed');
  });

  it('nearly black and nearly white are black and white', async () => {
    const files = await masks('png', binary, (mask) =>
      raw(mask.map((v, i) => (v ? (i % 20 ? 255 : 254) : i % 50 ? 0 : 1)))
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    const { wrong, codes } = await understood(files, binary);
    expect(wrong).toBe(0);
    expect(codes).toContain('warning mask-soft');
    await expect(findMaskMeaning(files, { where: root, strict: true })).rejects.toMatchObject({
      code: 'mask-soft',
    });
  });

  it.each([
    [
      'blurred PNG',
      'png',
      (mask: Uint8Array) =>
        raw(mask.map((v) => 255 * v))
          .blur(1.4)
          .toColourspace('b-w')
          .png()
          .toBuffer(),
      0.02,
    ],
    [
      'JPEG',
      'jpg',
      (mask: Uint8Array) =>
        raw(mask.map((v) => 255 * v))
          .toColourspace('b-w')
          .jpeg({ quality: 80 })
          .toBuffer(),
      0.001,
    ],
    [
      'JPEG in colour',
      'jpg',
      (mask: Uint8Array) =>
        raw(mask.map((v) => 255 * v))
          .toColourspace('srgb')
          .jpeg({ quality: 80 })
          .toBuffer(),
      0.001,
    ],
    [
      'lossy WebP',
      'webp',
      (mask: Uint8Array) =>
        raw(mask.map((v) => 255 * v))
          .webp({ quality: 80 })
          .toBuffer(),
      0.005,
    ],
  ])('soft masks are cut at half: %s', async (_, ending, encode, most) => {
    const files = await masks(ending, binary, encode);
    const { meaning, wrong, codes } = await understood(files, binary);
    expect(meaning.names).toEqual(['background', 'foreground']);
    expect(wrong / (8 * side * side)).toBeLessThan(most);
    expect(codes).toEqual(['note mask-meaning', 'warning mask-soft']);
  });

  it('class indices saved as JPEG are refused', async () => {
    for (const classes of [2, 5]) {
      const files = await masks(
        'jpg',
        (n) => scene(n, { classes }),
        (mask) => raw(mask).toColourspace('b-w').jpeg({ quality: 75 }).toBuffer(),
      );
      await expect(findMaskMeaning(files, { where: root })).rejects.toMatchObject({ code: 'mask-lossy' });
    }
  });

  it('far greys saved as JPEG become the nearest', async () => {
    const files = await masks('jpg', three, (mask) =>
      raw(mask.map((v) => [0, 127, 255][v]!))
        .toColourspace('b-w')
        .jpeg({ quality: 95 })
        .toBuffer(),
    );
    const { meaning, wrong, codes } = await understood(files, three);
    expect(meaning.names).toHaveLength(3);
    expect(codes).toContain('warning mask-lossy');
    expect(wrong / (8 * side * side)).toBeLessThan(0.03);
  });

  it('many classes by index stay classes', async () => {
    // 151 classes as ADE has them, and 182 with 255 for ignored as COCO-Stuff has them.
    for (const [count, ignore] of [
      [151, 0],
      [182, 400],
    ] as const) {
      const truth = (n: number): Uint8Array =>
        Uint8Array.from({ length: side * side }, (_, i) =>
          i < ignore ? 255 : (((i % side) >> 3) + 8 * (i >> 9) + n * 26) % count,
        );
      const { meaning, wrong } = await understood(
        await masks(
          'png',
          truth,
          grey((v) => v),
        ),
        truth,
      );
      expect([meaning.names.length, wrong]).toEqual([count, 0]);
    }
  });
});

describe('numbers of objects', () => {
  const numbers = (n: number): Uint8Array => scene(n, { discs: 5 + ((n * 3) % 11), numbered: true });
  const truth = (n: number): Uint8Array => numbers(n).map((v) => (v > 0 ? 1 : 0));

  it('are foreground, and it is said', async () => {
    const files = await masks(
      'png',
      numbers,
      grey((v) => v),
    );
    const { meaning, wrong, codes } = await understood(files, truth);
    expect([meaning.numbered, meaning.names.length, wrong]).toEqual([true, 2, 0]);
    expect(codes).toContain('note mask-objects');
    expect((await findMaskMeaning(files, { where: root, classes: 16 })).numbered).toBe(false);
  });

  it('are told from classes in one piece each', async () => {
    // Seven organs, one piece each, of which some images lack the last.
    const organs = (n: number): Uint8Array => scene(n, { discs: n % 4 === 0 ? 6 : 7, numbered: true });
    expect(
      (
        await findMaskMeaning(
          await masks(
            'png',
            organs,
            grey((v) => v),
          ),
          { where: root },
        )
      ).numbered,
    ).toBe(false);
  });
});

describe('colours', () => {
  const list = [
    [0, 0, 0],
    [250, 50, 83],
    [42, 125, 209],
  ] as const;
  const png: Encode = (mask) => raw(colours(list)(mask), 3).png().toBuffer();

  it('of the set itself are classes, black the background', async () => {
    const files = await masks('png', three, png);
    const { meaning, wrong } = await understood(files, (n) => three(n).map((v) => [0, 2, 1][v]!));
    expect(meaning.names).toEqual(['background', '#2a7dd1', '#fa3253']);
    expect(wrong).toBe(0);
    // A part without one of the colours is read by the classes of the whole.
    const part = await masks('png', binary, png);
    expect(
      (await understood(part, (n) => binary(n).map((v) => 2 * v), { classes: meaning.names })).wrong,
    ).toBe(0);
  });

  it('of a legend have its names and its order', async () => {
    const legend = [list[0], list[1], list[2]].map((colour, i) => ({ name: names3[i]!, colour }));
    const { meaning, wrong } = await understood(await masks('png', three, png), three, { legend });
    expect([meaning.names, wrong]).toEqual([names3, 0]);
    // A run's classes may stand in another order than the legend of the masks that it is tried on.
    const order = ['background', 'green', 'red'];
    const swapped = await understood(
      await masks('png', three, png),
      (n) => three(n).map((v) => [0, 2, 1][v]!),
      { legend, classes: order },
    );
    expect([swapped.meaning.names, swapped.wrong]).toEqual([order, 0]);
    const white = [
      { name: 'background', colour: [0, 0, 0] as const },
      { name: 'cell', colour: [255, 255, 255] as const },
    ];
    const files = await masks('png', binary, (mask) =>
      raw(mask.map((v) => 255 * v))
        .toColourspace('srgb')
        .png()
        .toBuffer(),
    );
    expect(await understood(files, binary, { legend: white })).toMatchObject({
      wrong: 0,
      meaning: { names: ['background', 'cell'] },
    });
  });

  it('smoothed are the nearest; photographs are refused', async () => {
    const files = await masks('png', three, (mask) => raw(colours(list)(mask), 3).blur(0.8).png().toBuffer());
    const { meaning, wrong, codes } = await understood(files, (n) => three(n).map((v) => [0, 2, 1][v]!));
    expect(meaning.names).toHaveLength(3);
    expect(wrong / (8 * side * side)).toBeLessThan(0.08);
    expect(codes).toContain('warning mask-colours-mixed');
    const photos = await masks(
      'png',
      () => new Uint8Array(side * side),
      (_, n) =>
        raw(
          Uint8Array.from({ length: 3 * side * side }, (__, i) => (i * 2654435761 + n) >>> 13),
          3,
        )
          .png()
          .toBuffer(),
    );
    await expect(findMaskMeaning(photos, { where: root })).rejects.toMatchObject({ code: 'mask-colours' });
  });
});

describe('palettes', () => {
  const list = [
    [0, 0, 0],
    [255, 0, 0],
    [0, 255, 0],
  ];

  it('that agree are read by index', async () => {
    const files = await masks('png', three, (data) =>
      encodeIndexedPng({ width: side, height: side, data, palette: Uint8Array.from(list.flat()) }),
    );
    expect(await understood(files, three)).toMatchObject({ wrong: 0, codes: ['note mask-meaning'] });
  });

  it('that differ from file to file are read by colour', async () => {
    const files = await masks('png', three, (mask, n) => {
      const order = [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
      ][n % 3]!;
      return encodeIndexedPng({
        width: side,
        height: side,
        data: mask.map((v) => order.indexOf(v)),
        palette: Uint8Array.from(order.flatMap((v) => list[v]!)),
      });
    });
    // Classes stand in the order of their colours: green before red.
    const { meaning, wrong, codes } = await understood(files, (n) => three(n).map((v) => [0, 2, 1][v]!));
    expect(wrong).toBe(0);
    expect(meaning.names).toEqual(['background', '#00ff00', '#ff0000']);
    expect(codes).toContain('note mask-palettes');
  });

  it.each(['png', 'gif'] as const)('optimised by a tool, %s', async (ending) => {
    const files = await masks(ending, three, (mask) => {
      const image = raw(colours(list)(mask), 3);
      return (ending === 'png' ? image.png({ palette: true }) : image.gif()).toBuffer();
    });
    const { wrong, meaning } = await understood(files, (n) => three(n).map((v) => [0, 2, 1][v]!));
    // Where all palettes happen to agree, indices are classes; either way no two files disagree.
    if (meaning.reading.kind === 'colours') expect(wrong).toBe(0);
    else expect(meaning.names).toHaveLength(3);
  });

  it('of black and white are 0 and 255, whichever comes first', async () => {
    for (const flip of [0, 1]) {
      const files = await masks('png', binary, (mask, n) => {
        const white = (n + flip) % 2;
        const palette = Uint8Array.from(white === 0 ? [255, 255, 255, 0, 0, 0] : [0, 0, 0, 255, 255, 255]);
        return encodeIndexedPng({
          width: side,
          height: side,
          data: mask.map((v) => (v === white ? 1 : 0)).map((v) => (white === 0 ? 1 - (v === 1 ? 0 : 1) : v)),
          palette,
        });
      });
      const { meaning } = await understood(files, binary);
      expect(meaning.names).toEqual(['background', 'foreground']);
      expect(meaning.reading.kind).toBe('levels');
    }
  });
});

describe('alpha', () => {
  it.each([
    [0, 0, 0],
    [255, 255, 255],
    [200, 30, 30],
  ])('holds the mask where all else is %i, %i, %i', async (...colour) => {
    const files = await masks('png', binary, (mask) =>
      raw(Uint8Array.from([...mask].flatMap((v) => [...colour, 255 * v])), 4)
        .png()
        .toBuffer(),
    );
    const { wrong, codes } = await understood(files, binary);
    expect(wrong).toBe(0);
    expect(codes).toContain('note mask-alpha');
  });

  it('counts for nothing beside colours', async () => {
    const files = await masks('png', binary, (mask) =>
      raw(Uint8Array.from([...mask].flatMap((v) => [255 * v, 255 * v, 255 * v, 255])), 4)
        .png()
        .toBuffer(),
    );
    expect((await understood(files, binary)).wrong).toBe(0);
  });
});

it('white-is-zero masks are read as stored, and it is said', async () => {
  const files = await masks('tif', binary, (mask) =>
    tiff([{ width: side, height: side, photometric: 0, data: mask.map((v) => 255 * v) }]),
  );
  const { wrong, codes } = await understood(files, binary);
  expect(wrong).toBe(0);
  expect(codes).toContain('note mask-white-is-zero');
});
