/** The workflow of a person with images: train, evaluate, predict and export on the command line. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { encodeModel } from '../../src/onnx/index.js';
import { tinyEncoder } from '../models/tiny-encoder.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';
import { runProgram } from '../support/run-program.js';

let program: BuiltProgram;
let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const TINY = ['--width', '4', '--depth', '2', '--batch', '4', '--threads', '1'];

beforeAll(async () => {
  program = await buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-workflow-'));
  await writeCells(at('cells'), { seed: 1, count: 12, width: 48, height: 32 });
  await writeCells(at('others'), { seed: 2, count: 4, width: 40, height: 40 });
});
afterAll(async () => {
  await program.remove();
  await rm(folder, { recursive: true, force: true });
});

async function json(
  ...words: string[]
): Promise<{ code: number; result: Record<string, unknown>; stderr: string }> {
  const { code, stdout, stderr } = await runProgram(...words, '--json');
  return { code, result: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

describe('train', () => {
  it('writes a run and tells how it went', async () => {
    const config = at('recipe.yaml');
    await writeFile(config, 'epochs: 1\nval: 0.25\ntest: 0.25\nlr: 0.01\n');
    const words = [
      'train',
      '--data',
      at('cells'),
      '--out',
      at('run'),
      '--config',
      config,
      '--epochs',
      '2',
      ...TINY,
    ];
    const { code, result, stderr } = await json(...words);
    expect(stderr).toContain('epoch 2/2');
    expect(code).toBe(0);
    expect(result).toMatchObject({
      run: at('run'),
      report: at('run', 'report.html'),
      epochs: 2,
      stopped: 'epochs',
    });
    expect(result['best']).toMatchObject({ metric: 'meanIoU' });
    expect(result['valid']).toMatchObject({ samples: 2 });
    expect(result['test']).toMatchObject({ samples: 3 });
    const lines = (await readFile(at('run', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(2);
  });

  it('does not write over a run, and goes on with one', async () => {
    const words = ['train', '--data', at('cells'), '--out', at('run'), ...TINY];
    const again = await json(...words);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('--resume');
    const resumed = await json(
      ...words,
      '--epochs',
      '2',
      '--val',
      '0.25',
      '--test',
      '0.25',
      '--lr',
      '0.01',
      '--resume',
    );
    expect(resumed.code).toBe(0);
    expect(resumed.result).toMatchObject({ epochs: 2, stopped: 'epochs' });
  });

  it('trains on an encoder from an ONNX file', async () => {
    await writeFile(at('encoder.onnx'), encodeModel(tinyEncoder()));
    const words = ['train', '--data', at('cells'), '--model', 'onnx-unet', '--encoder', at('encoder.onnx')];
    const small = ['--size', '32x48', '--epochs', '1', '--batch', '4', '--threads', '1'];
    const wrong = await runProgram(...words, '--taps', 'act1,act9', ...small, '--out', at('tapped'));
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('act9');
    expect(await readdir(folder)).not.toContain('tapped');
    const { code, result } = await json(
      ...words,
      '--taps',
      'act1,act2,act3',
      ...small,
      '--out',
      at('tapped'),
    );
    expect(code).toBe(0);
    expect(result).toMatchObject({ run: at('tapped'), epochs: 1 });
    const scored = await json('evaluate', at('tapped'), '--data', at('others'), '--threads', '1');
    expect(scored.result).toMatchObject({ samples: 4 });
  });

  it('names what is wrong with the data', async () => {
    const { code, result, stderr } = await json('train', '--data', at('nothing'), '--out', at('none'));
    expect(code).toBe(1);
    expect(stderr).toContain(at('nothing'));
    expect(result).toMatchObject({ error: { code: 'data-missing' } });
  });
});

describe('report', () => {
  it('writes the report of one run, and the comparison of two', async () => {
    const one = await json('report', at('run'), '--out', at('one.html'));
    expect(one).toMatchObject({ code: 0, result: { report: at('one.html') } });
    const words = ['train', '--data', at('cells'), '--out', at('wider'), '--epochs', '1', '--lr', '0.01'];
    expect((await json(...words, ...TINY, '--width', '6')).code).toBe(0);
    const two = await json('report', at('run'), at('wider'), '--out', at('two.html'));
    expect(two).toMatchObject({ code: 0, result: { report: at('two.html') } });
    expect(await readFile(at('two.html'), 'utf8')).toContain('model.options.width');
    const many = await json('report', ...Array.from({ length: 9 }, (_, i) => at(`run${i}`)));
    expect(many.code).toBe(2);
    expect(many.stderr).toContain('2 to 8 runs');
  });
});

// Windows has no signals to send: there Ctrl-C comes from the console alone.
describe.skipIf(process.platform === 'win32')('Ctrl-C', () => {
  it('in training saves, and --resume goes on', async () => {
    const words = [
      'train',
      '--data',
      at('cells'),
      '--out',
      at('stopped'),
      '--epochs',
      '200',
      '--json',
      ...TINY,
    ];
    const child = program.start(...words);
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('epoch   2/200')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
    const result = JSON.parse(stdout) as { stopped: string; epochs: number };
    expect(result.stopped).toBe('interrupted');
    expect(result.epochs).toBeGreaterThanOrEqual(2);
    const again = program.start(...words, '--resume');
    let stderr = '';
    again.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      // It goes on behind what was done, then is ended at once.
      if (/epoch +\d+\/200/.test(stderr) && !again.killed) again.kill('SIGKILL');
    });
    await new Promise((resolve) => again.on('close', resolve));
    const first = Number(/epoch +(\d+)\/200/.exec(stderr)![1]);
    expect(first).toBe(result.epochs + 1);
  });
});

describe('fetch', () => {
  it('leaves a data set that is there as it is', async () => {
    const names = ['images', join('annotations', 'trimaps')];
    for (const name of names) await mkdir(at('pets', name), { recursive: true });
    await writeFile(at('pets', 'annotations', 'trainval.txt'), '');
    const { code, result } = await json('fetch', 'oxford-pets', '--to', at('pets'));
    expect(code).toBe(0);
    expect(result).toMatchObject({ name: 'oxford-pets', folder: at('pets'), fetched: false });
  });

  it('names what there is', async () => {
    const { code, stderr } = await json('fetch', 'oxford-pest');
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "oxford-pets"?');
  });
});

describe('doctor', () => {
  it('finds no fault with the cells, and shows them', async () => {
    const { code, result } = await json('doctor', '--data', at('cells'), '--out', at('sheets'));
    expect(code).toBe(0);
    expect(result).toMatchObject({ ok: true, pairs: 12, unlabelled: 0, problems: [] });
    expect((await readdir(at('sheets'))).sort()).toEqual([
      '.pixelwise-written',
      'augmentation.png',
      'samples.png',
    ]);
  });

  it('ends with 1 where training would fail', async () => {
    await writeCells(at('faulty'), { count: 3, width: 32, height: 32 });
    await writeFile(at('faulty', 'images', '0001.png'), 'no image');
    const { code, result, stderr } = await json('doctor', '--data', at('faulty'));
    expect(code).toBe(1);
    expect(result).toMatchObject({ ok: false });
    expect(stderr).toContain('0001.png');
  });
});

describe('a trained run', () => {
  it('is scored, on a part or on other images', async () => {
    const valid = await json(
      'evaluate',
      at('run'),
      '--data',
      at('cells'),
      '--split',
      'valid',
      '--threads',
      '1',
      '--out',
      at('scored'),
    );
    expect(valid.code).toBe(0);
    expect(valid.result).toMatchObject({ samples: 2, out: at('scored') });
    expect(valid.result['perSample']).toHaveLength(2);
    const { out: _out, ...scores } = valid.result;
    expect(JSON.parse(await readFile(at('scored', 'scores.json'), 'utf8'))).toEqual(scores);
    const gallery: unknown = JSON.parse(await readFile(at('scored', 'samples', 'gallery.json'), 'utf8'));
    expect(gallery).toMatchObject({
      part: 'valid',
      chosenOn: true,
      items: [{ rank: 'worst' }, { rank: 'best' }],
    });
    const others = await json(
      'evaluate',
      at('run'),
      '--data',
      at('others'),
      '--score-at',
      'model',
      '--threads',
      '1',
    );
    expect(others.result).toMatchObject({ samples: 4 });
  });

  it('predicts masks at the size of the images, the exported file the same ones', async () => {
    const exported = await json('export', at('run'), '--out', at('cells.onnx'));
    expect(exported).toMatchObject({ code: 0, result: { model: at('cells.onnx') } });
    const words = [at('others', 'images'), '--threads', '1'];
    const ofRun = await json('predict', at('run'), ...words, '--out', at('masks'), '--overlay');
    expect(ofRun.code).toBe(0);
    const outputs = ofRun.result['outputs'] as { mask: string; width: number }[];
    expect(outputs).toHaveLength(4);
    expect(outputs[0]).toMatchObject({ mask: at('masks', '0000.png'), width: 40 });
    await json('predict', at('cells.onnx'), ...words, '--out', at('masks-of-file'));
    for (const name of (await readdir(at('masks-of-file'))).filter((file) => file.endsWith('.png'))) {
      expect(await readFile(at('masks-of-file', name))).toEqual(await readFile(at('masks', name)));
    }
  });

  it.each(['float16', 'int8'])('is exported in %s, its loss told, and still segments', async (precision) => {
    const file = at(`${precision}.onnx`);
    const exported = await json('export', at('run'), '--out', file, '--precision', precision);
    expect(exported.code).toBe(0);
    expect(exported.result['precision']).toMatchObject({ precision, samples: 2 });
    const { meanIoU, float32MeanIoU } = exported.result['precision'] as Record<string, number>;
    expect(Math.abs(meanIoU! - float32MeanIoU!)).toBeLessThan(0.2);
    expect(exported.stderr).toContain(`${precision}: `);
    const image = at('others', 'images', '0000.png');
    const { result } = await json('predict', file, image, '--out', at(precision), '--threads', '1');
    expect(result['outputs']).toMatchObject([{ width: 40, height: 40 }]);
  });

  it('is scored with the outlines of its masks', async () => {
    // Long enough to find a cell.
    const train = ['train', '--data', at('cells'), '--out', at('longer'), '--recompute', 'passes', ...TINY];
    expect((await json(...train, '--epochs', '15', '--lr', '0.03', '--val', '0')).code).toBe(0);
    const words = ['--data', at('cells'), '--outlines', 'coco', '--min-area', '4', '--threads', '1'];
    const { code, result } = await json('evaluate', at('longer'), ...words, '--out', at('outlined'));
    expect(code).toBe(0);
    const files = await readdir(at('outlined', 'outlines'));
    expect(files).toHaveLength(result['samples'] as number);
    const pieces = await Promise.all(
      files.map(async (file) => {
        const text = await readFile(at('outlined', 'outlines', file), 'utf8');
        return JSON.parse(text) as {
          annotations: { area: number; segmentation: { size: number[] } }[];
        };
      }),
    );
    const annotations = pieces.flatMap((piece) => piece.annotations);
    expect(annotations).not.toHaveLength(0);
    for (const { area, segmentation } of annotations) {
      expect(area).toBeGreaterThanOrEqual(4);
      expect(segmentation.size).toEqual([32, 48]);
    }
    const unknown = await json('evaluate', at('run'), '--data', at('others'), '--outlines', 'svg');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('geojson');
  });

  it('goes on after an image that cannot be read, and fails in the end', async () => {
    await writeFile(at('broken.png'), 'no image');
    const { code, result, stderr } = await json(
      'predict',
      at('run'),
      at('broken.png'),
      at('others', 'images', '0000.png'),
      '--out',
      at('some'),
      '--threads',
      '1',
    );
    expect(code).toBe(1);
    expect(stderr).toContain('broken.png');
    expect(result['outputs']).toHaveLength(1);
    expect(result['failures']).toMatchObject([{ input: at('broken.png') }]);
  });
});
