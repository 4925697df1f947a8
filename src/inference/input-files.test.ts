import fc from 'fast-check';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInputs, resultNames } from './input-files.js';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixelwise-inputs-'));
  const files = [
    'a/x.jpg',
    'a/y.png',
    'a/deep/x.JPG',
    'a/notes.txt',
    'a/.hidden.png',
    'b/x.jpg',
    'b/x.png',
    'odd[1].png',
    'scan12.tif',
    'scan1.tif',
    'empty/readme.md',
  ];
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
});
afterAll(() => rm(root, { recursive: true }));

const found = async (...inputs: readonly string[]) =>
  (await findInputs(inputs.map((input) => join(root, input)))).map(({ path }) =>
    path.slice(root.length + 1).replaceAll('\\', '/'),
  );

describe('inputs', () => {
  it('are the given files, and the images of folders, each once', async () => {
    expect(await found('b/x.png', 'a')).toEqual(['b/x.png', 'a/deep/x.JPG', 'a/x.jpg', 'a/y.png']);
    expect(await found('a/y.png', 'a', 'a/../a/x.jpg')).toEqual(['a/y.png', 'a/deep/x.JPG', 'a/x.jpg']);
    expect(await found('odd[1].png')).toEqual(['odd[1].png']);
  });

  it.each([
    ['a/*', ['a/x.jpg', 'a/y.png']],
    ['*/x.jpg', ['a/x.jpg', 'b/x.jpg']],
    ['**/x.*', ['a/deep/x.JPG', 'a/x.jpg', 'b/x.jpg', 'b/x.png']],
    [
      '**',
      ['a/deep/x.JPG', 'a/x.jpg', 'a/y.png', 'b/x.jpg', 'b/x.png', 'odd[1].png', 'scan1.tif', 'scan12.tif'],
    ],
    ['a/**/x.*', ['a/deep/x.JPG', 'a/x.jpg']],
    ['scan?.tif', ['scan1.tif']],
    ['scan[0-9]*.tif', ['scan1.tif', 'scan12.tif']],
    ['b/x.{png,gif}', ['b/x.png']],
    ['[!b]/x.jpg', ['a/x.jpg']],
  ])('may be a pattern: %s', async (pattern, expected) => {
    expect(await found(pattern)).toEqual(expected);
  });

  it('that match nothing are an error', async () => {
    await expect(found('none.png')).rejects.toThrow(/none\.png: no such file/);
    await expect(found('c/*.png')).rejects.toThrow(/c.\*\.png: no image matches/);
    await expect(found('empty')).rejects.toThrow(/empty: the folder holds no images/);
  });
});

describe('names of results', () => {
  it('are short if possible, and unique', () => {
    const names = (...files: readonly (readonly [path: string, relative: string])[]) =>
      resultNames(files.map(([path, relative]) => ({ path, relative })));
    expect(names(['p/x.jpg', 'x.jpg'], ['p/y.jpg', 'y.jpg'])).toEqual(['x', 'y']);
    expect(names(['p/x.jpg', 'x.jpg'], ['p/x.png', 'x.png'])).toEqual(['x.jpg', 'x.png']);
    expect(names(['a/x.jpg', 'x.jpg'], ['b/x.jpg', 'x.jpg'])).toEqual(['a/x.jpg', 'b/x.jpg']);
    expect(names(['a/x.jpg', 'x.jpg'], ['b/X.jpg', 'X.jpg'], ['b/z.png', 'z.png'])).toEqual([
      'a/x.jpg',
      'b/X.jpg',
      'z',
    ]);
    expect(names(['r/a/x.jpg', 'a/x.jpg'], ['r/b/x.jpg', 'b/x.jpg'])).toEqual(['a/x', 'b/x']);
  });

  it('differ by more than upper and lower case', () => {
    const part = fc.constantFrom('a', 'A', 'b', 'x.png', 'x.jpg', 'x');
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 12 }), fc.nat(3), (paths, depth) => {
        const inputs = paths.map((p) => ({
          path: p,
          relative: p
            .split('/')
            .slice(-1 - depth)
            .join('/'),
        }));
        const names = resultNames(inputs).map((name) => name.toLowerCase());
        expect(new Set(names).size).toBe(paths.length);
      }),
      { seed: 1 },
    );
  });
});
