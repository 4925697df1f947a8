import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTar, makeTarGz, makeZip, type MadeEntry } from '../../../test/support/made-archives.js';
import { temporaryFolder } from '../../../test/support/made-data.js';
import { PixelwiseError } from '../../errors/index.js';
import { extractArchive } from './extract.js';

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await mkdir(join(root, 'out'));
});
afterEach(() => remove());

const LIMITS = { maxBytes: 1_000_000, maxEntries: 100 };

const KINDS = [
  ['tar', 'a.tar', makeTar],
  ['tar.gz', 'a.tar.gz', makeTarGz],
  ['zip', 'a.zip', makeZip],
] as const;

describe.each(KINDS)('%s', (_, file, make) => {
  const out = (): string => join(root, 'out');
  const unpack = async (entries: readonly MadeEntry[], options = {}): Promise<void> => {
    await writeFile(join(root, file), make(entries));
    await extractArchive(join(root, file), out(), { ...LIMITS, ...options });
  };
  const refusal = async (work: Promise<void>): Promise<string> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PixelwiseError);
    expect((error as PixelwiseError).code).toBe('archive');
    expect((error as PixelwiseError).message).toContain(file);
    return (error as PixelwiseError).message;
  };

  it('unpacks files and folders, empty ones and large ones, and what is wanted only', async () => {
    const large = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 4));
    await unpack(
      [
        { path: './a.txt', content: 'one' },
        { path: "deep/er/ü 'b'.bin", content: large },
        { path: 'empty', content: '' },
        { path: 'skip/c', content: 'no' },
      ],
      { wanted: (path: string) => !path.startsWith('skip/') },
    );
    expect((await readdir(out(), { recursive: true })).sort()).toEqual(
      ['a.txt', 'deep', join('deep', 'er'), join('deep', 'er', "ü 'b'.bin"), 'empty'].sort(),
    );
    expect(await readFile(join(out(), 'a.txt'), 'utf8')).toBe('one');
    expect(large.equals(await readFile(join(out(), 'deep', 'er', "ü 'b'.bin")))).toBe(true);
  });

  it.each(['../evil', 'a/../../evil', '/etc/evil', 'C:/evil', '..\\evil', 'a\\b', 'c:evil'])(
    'refuses the path %s',
    async (path) => {
      expect(await refusal(unpack([{ path, content: 'x' }]))).toContain('leads out');
      expect(await readdir(root)).toEqual([file, 'out'].sort());
      expect(await readdir(out())).toEqual([]);
    },
  );

  it('refuses links', async () => {
    expect(await refusal(unpack([{ path: 'link', content: '/etc/passwd', kind: '2' }]))).toContain('link');
    expect(await readdir(out())).toEqual([]);
  });

  it('refuses more bytes or entries than announced, and two files of one name', async () => {
    const zeros = Buffer.alloc(2_000_000);
    expect(await refusal(unpack([{ path: 'bomb', content: zeros }]))).toContain('more than 1 MiB');
    const many = Array.from({ length: 101 }, (_, i) => ({ path: `${i}`, content: '' }));
    expect(await refusal(unpack(many))).toContain('more than 100');
    await rm(out(), { recursive: true });
    await mkdir(out());
    await refusal(
      unpack([
        { path: 'a', content: '1' },
        { path: './a', content: '2' },
      ]),
    );
  });

  it('refuses what is cut short, at any length, or no archive at all', async () => {
    const whole = make([
      { path: 'a.txt', content: Buffer.from(Uint8Array.from({ length: 3000 }, (_, i) => (i * i) >> 3)) },
      { path: 'b.txt', content: 'two' },
    ]);
    // The end of a tar is 1,024 zeros, compressed to a few bytes.
    const last = whole.length - (file === 'a.tar' ? 512 : 40);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: last }), async (length) => {
        await rm(out(), { recursive: true });
        await mkdir(out());
        await writeFile(join(root, file), whole.subarray(0, length));
        await refusal(extractArchive(join(root, file), out(), LIMITS));
      }),
      { numRuns: 25 },
    );
    await writeFile(join(root, file), 'x'.repeat(2000));
    await refusal(extractArchive(join(root, file), out(), LIMITS));
  });
});

describe('tar', () => {
  it('takes long names by pax and by GNU', async () => {
    const long = `${'d'.repeat(90)}/${'f'.repeat(90)}.txt`;
    const record = (length: number): string => `${length} path=${long}\n`;
    const pax = record(record(100).length);
    const entries = [
      { path: 'x', content: pax, kind: 'x' },
      { path: 'short', content: 'pax' },
      { path: '././@LongLink', content: `${long}2\0`, kind: 'L' },
      { path: 'short', content: 'gnu' },
    ];
    await writeFile(join(root, 'a.tar'), makeTar(entries));
    await extractArchive(join(root, 'a.tar'), join(root, 'out'), LIMITS);
    expect(await readFile(join(root, 'out', long), 'utf8')).toBe('pax');
    expect(await readFile(join(root, 'out', `${long}2`), 'utf8')).toBe('gnu');
  });

  it('is stopped by a signal', async () => {
    await writeFile(join(root, 'a.tar'), makeTar([{ path: 'a', content: 'x' }]));
    await expect(
      extractArchive(join(root, 'a.tar'), join(root, 'out'), { ...LIMITS, signal: AbortSignal.abort() }),
    ).rejects.toThrow(/abort/i);
  });
});

describe('zip', () => {
  it('refuses entries that overlap, that lie about their size, or whose bytes are wrong', async () => {
    const at = join(root, 'a.zip');
    const tryIt = async (bytes: Buffer): Promise<void> => {
      await writeFile(at, bytes);
      await extractArchive(at, join(root, 'out'), LIMITS);
    };
    const content = Buffer.alloc(5000, 'abc');
    await expect(
      tryIt(
        makeZip([
          { path: 'a', content },
          { path: 'b', content, offset: 0 },
        ]),
      ),
    ).rejects.toThrow('overlap');
    await expect(tryIt(makeZip([{ path: 'a', content, size: 10 }]))).rejects.toThrow('Nothing was unpacked');
    const flipped = makeZip([{ path: 'a', content }]);
    flipped[36]! ^= 0xff;
    await expect(tryIt(flipped)).rejects.toThrow('Nothing was unpacked');
  });
});
