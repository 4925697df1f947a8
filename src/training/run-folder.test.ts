import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { RunFolder } from './index.js';

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: RunFolder;
beforeEach(async () => {
  temporary = await temporaryFolder();
  folder = new RunFolder(join(temporary.path, 'run'));
  await folder.create();
});
afterEach(() => temporary.remove());

const at = (...names: string[]) => join(folder.path, 'checkpoints', ...names);

async function withCheckpoints(...names: string[]) {
  for (const name of names) {
    await mkdir(at(name));
    await writeFile(at(name, 'weights.safetensors'), '');
  }
}

describe('RunFolder', () => {
  it('exists once it has a configuration', async () => {
    expect(await folder.exists()).toBe(false);
    await folder.writeConfig({ a: 1 });
    expect(await folder.exists()).toBe(true);
    expect(await folder.readConfig()).toEqual({ a: 1 });
  });

  it('says what is wrong with its configuration', async () => {
    await expect(folder.readConfig()).rejects.toThrow(/is not a run folder: it has no readable config\.json/);
    await writeFile(folder.configPath, '{');
    await expect(folder.readConfig()).rejects.toThrow(/config\.json is damaged: it is not JSON/);
    await folder.writeConfig({ threshold: 0.5 });
    const text = await readFile(folder.configPath, 'utf8');
    await writeFile(folder.configPath, text.replace('0.5', '0.4'));
    await expect(folder.readConfig()).rejects.toThrow(
      /is not as it was written: .*delete its entry "checksum"/,
    );
    // White space is no change; and earlier versions wrote no checksum.
    await writeFile(folder.configPath, JSON.stringify(JSON.parse(text)));
    expect(await folder.readConfig()).toEqual({ threshold: 0.5 });
    await writeFile(folder.configPath, '{"threshold": 0.4}');
    expect(await folder.readConfig()).toEqual({ threshold: 0.4 });
  });

  it('knows what a new run would replace, and removes its own files only', async () => {
    expect(await folder.occupied()).toBeUndefined();
    await writeFile(join(folder.path, 'train.log'), '');
    expect(await folder.occupied()).toBeUndefined();
    await withCheckpoints('1');
    expect(await folder.occupied()).toBe(at());
    const written = [
      'config.json',
      'checkpoints/last',
      'checkpoints/1/SHA256SUMS',
      'tensorboard/train/events.out.tfevents.0.pixelwise',
      'samples/film.json',
      'samples/film/1-image.webp',
      'samples/film/12/1.png',
      'samples/gallery/3-errors.png',
      'samples/data/samples.webp',
    ];
    const others = ['checkpoints/1/notes.txt', 'samples/film/mine.png', 'samples/thesis/a.txt', 'train.log'];
    for (const name of [...written, ...others]) {
      await mkdir(dirname(join(folder.path, name)), { recursive: true });
      await writeFile(join(folder.path, name), '');
    }
    await folder.remove();
    const left = await readdir(folder.path, { recursive: true, withFileTypes: true });
    const files = left.filter((entry) => entry.isFile());
    expect(files.map((entry) => relative(folder.path, join(entry.parentPath, entry.name))).sort()).toEqual(
      others.map((name) => join(name)).sort(),
    );
    expect(await folder.occupied()).toBe(at());
  });

  it('lists whole checkpoints in order, those inside of epochs between them', async () => {
    await withCheckpoints('10', '2', '2+11', '2+3', '0+1', '3.partial', 'notes');
    await folder.point('last', '10');
    expect(await folder.checkpointNames()).toEqual(['0+1', '2', '2+3', '2+11', '10']);
  });

  it('finds a checkpoint by pointer or number', async () => {
    await withCheckpoints('1', '2', '2+5');
    await folder.point('best', '1');
    await folder.point('last', '2+5');
    expect(await folder.checkpointFolder('best')).toBe(at('1'));
    expect(await folder.checkpointFolder('last')).toBe(at('2+5'));
    expect(await folder.checkpointFolder(2)).toBe(at('2'));
    await expect(folder.checkpointFolder(7)).rejects.toThrow(/no checkpoint "7"\. It has: 1, 2, 2\+5\.$/);
  });

  it('says what is wrong with a pointer', async () => {
    await expect(folder.checkpointFolder('best')).rejects.toThrow(/no checkpoint "best"\. It has none yet\./);
    await writeFile(at('best'), '../../etc');
    await expect(folder.checkpointFolder('best')).rejects.toThrow(
      /best is damaged: it does not contain the name/,
    );
  });

  it('prunes what is neither pointed to nor wanted, and nothing of others', async () => {
    await withCheckpoints('1', '2', '3', '4', '4+2', 'mine');
    await folder.point('best', '2');
    await folder.point('last', '4+2');
    await folder.prune((epoch) => epoch === 3);
    expect((await readdir(at())).sort()).toEqual(['2', '3', '4+2', 'best', 'last', 'mine']);
  });

  it('names a disk that is gone, whatever is done with the folder', async () => {
    const gone = new RunFolder(join(folder.path, 'gone'));
    const words = /could not be written: its folder does not exist \(any more\) \(ENOENT\)/;
    await expect(gone.writeConfig({})).rejects.toThrow(words);
    await expect(gone.writeMetrics([])).rejects.toThrow(words);
    await expect(gone.point('last', '1')).rejects.toThrow(words);
    await expect(gone.sweep()).rejects.toThrow(words);
    await expect(gone.requirePresent()).rejects.toThrow(words);
    await gone.prune();
    await expect(stat(gone.path)).rejects.toThrow('ENOENT');
  });

  it('does not take an unreadable pointer for a missing one', async () => {
    await mkdir(join(folder.path, 'checkpoints', 'best'), { recursive: true });
    await expect(folder.pointed('best')).rejects.toThrow(/best cannot be read: EISDIR/);
  });

  it('sweeps what kills have left half written', async () => {
    await withCheckpoints('1', '2.partial');
    await writeFile(at('last.12-0-3.partial'), '');
    await writeFile(`${folder.metricsPath}.12-0-4.partial`, '');
    const film = join(folder.path, 'samples', 'film');
    await mkdir(film, { recursive: true });
    await writeFile(join(film, '1.png'), '');
    await writeFile(join(film, '2.png.12-0-5.partial'), '');
    await writeFile(join(film, '.pixelwise-0a1b2c3d4e-0-7.partial'), '');
    await writeFile(join(film, 'mine.partial'), '');
    await folder.sweep();
    expect(await readdir(at())).toEqual(['1']);
    expect((await readdir(film)).sort()).toEqual(['1.png', 'mine.partial']);
    expect((await readdir(folder.path)).sort()).toEqual(['checkpoints', 'samples']);
  });

  it('writes a line an epoch', async () => {
    await folder.writeMetrics([{ epoch: 1 }, { epoch: 2 }] as never);
    expect(await readFile(folder.metricsPath, 'utf8')).toBe('{"epoch":1}\n{"epoch":2}\n');
    await folder.writeMetrics([]);
    expect(await readFile(folder.metricsPath, 'utf8')).toBe('');
  });
});
