/** `train` with a model, a loss, an optimizer, a schedule, augmentation, metrics and data of one's own. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UnnamedSample } from '../../src/data/index.js';
import { horizontalFlip, MemoryDataset } from '../../src/data/index.js';
import type { Tensor } from '../../src/graph/index.js';
import { add, mul, relu } from '../../src/graph/index.js';
import type { TrainOptions } from '../../src/index.js';
import { train } from '../../src/index.js';
import { encodeImage } from '../../src/images/encode.js';
import { binaryCrossEntropy, Conv2d, dice, Module } from '../../src/nn/index.js';
import { constant, SGD } from '../../src/optim/index.js';
import type { Ended } from '../built-program.js';
import { buildProgram } from '../built-program.js';

class TwoConvs extends Module {
  readonly first = new Conv2d(3, 4, 3, { padding: 1 });
  readonly last = new Conv2d(4, 1, 1);

  forward(image: Tensor): Tensor {
    return this.last.forward(relu(this.first.forward(image)));
  }
}

const [bce, softDice] = [binaryCrossEntropy(), dice()];
const halfDice = (logits: Tensor, target: Tensor): Tensor =>
  add(bce(logits, target), mul(softDice(logits, target), 0.5));

/** A bright square on a dark ground. */
function square(i: number): UnnamedSample {
  const side = 16;
  const mask = new Uint8Array(side * side);
  const image = new Uint8Array(3 * side * side).fill(30);
  for (let y = 4; y < 10; y++) {
    for (let x = 2 + (i % 5); x < 9 + (i % 5); x++) {
      mask[y * side + x] = 1;
      image.fill(200, 3 * (y * side + x), 3 * (y * side + x) + 3);
    }
  }
  return {
    image: { width: side, height: side, channels: 3, data: image },
    mask: { width: side, height: side, data: mask },
  };
}

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'pixelwise-own-'))));
afterAll(() => rm(root, { recursive: true, force: true }));

const options = (): TrainOptions => ({
  data: new MemoryDataset(Array.from({ length: 10 }, (_, i) => square(i))),
  model: new TwoConvs(),
  loss: halfDice,
  optimizer: (parameters) => new SGD(parameters, { lr: 0.05, momentum: 0.5 }),
  schedule: () => constant(),
  augment: [horizontalFlip()],
  metrics: {
    foregroundShare: (prediction) => prediction.reduce((sum, value) => sum + value, 0) / prediction.length,
  },
  size: 16,
  batch: 4,
  epochs: 3,
  threads: 1,
  out: join(root, 'run'),
});

const json = async (name: string) =>
  JSON.parse(await readFile(join(root, 'run', name), 'utf8')) as Record<string, never>;

describe('train with objects', () => {
  it.each(['metric:foregroundShare', 'boundaryIoU', 'hausdorff95'] as const)(
    'chooses the best epoch by %s',
    async (monitor) => {
      const out = join(root, monitor.replace(':', '-'));
      const { best } = await train({ ...options(), monitor, epochs: 2, out, pictures: false });
      const lines = (await readFile(join(out, 'metrics.jsonl'), 'utf8')).trim().split('\n');
      const scores = lines.map((line) => {
        const { valid } = JSON.parse(line) as { valid: { metrics: Record<string, number> } };
        return valid.metrics[monitor.replace('metric:', '')]!;
      });
      expect(scores.length).toBe(2);
      const value = monitor === 'hausdorff95' ? Math.min(...scores) : Math.max(...scores);
      expect(best).toEqual({ epoch: scores.indexOf(value) + 1, metric: monitor, value });
    },
  );

  it('writes a run folder with a report', async () => {
    const result = await train(options());
    expect(result).toMatchObject({ epochs: 3, run: join(root, 'run') });
    expect(result.valid!.samples).toBe(2);
    const report = await readFile(result.report!, 'utf8');
    expect(report).toContain('>foregroundShare</p>');
    expect(report).toMatch(/command line does not have its\s+model TwoConvs, loss halfDice,/);
    expect(report).not.toMatch(/pixelwise train --data|undefined<\/td>/);
    expect(await json('config.json')).toMatchObject({
      model: { name: 'TwoConvs', custom: true },
      classes: ['background', 'foreground'],
      data: { format: 'memory' },
      training: {
        loss: 'halfDice',
        optimizer: 'SGD',
        augment: 'horizontalFlip',
        lr: 0.05,
        custom: ['loss', 'optimizer', 'schedule', 'augment'],
      },
    });
    const lines = (await readFile(join(root, 'run', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    for (const line of lines) {
      const { train, valid } = JSON.parse(line) as Record<string, { metrics: Record<string, number> }>;
      for (const part of [train!, valid!]) expect(part.metrics['foregroundShare']).toBeGreaterThanOrEqual(0);
    }
  }, 60_000);

  it('resumes with the same objects, and names those that are missing', async () => {
    const { epochs: _epochs, ...rest } = options();
    const { data, augment: _augment, metrics: _metrics, ...withoutAugment } = rest;
    await expect(train({ ...rest, resume: true })).resolves.toMatchObject({ epochs: 3 });
    await expect(train({ ...withoutAugment, data, resume: true })).rejects.toThrow(
      /trained with the augment /,
    );
    await expect(train({ data, out: rest.out!, resume: true })).rejects.toThrow(
      /model of the class TwoConvs.*the loss halfDice, the optimizer SGD, .*train\(\{ model: new TwoConvs\(\), loss, optimizer, schedule, augment, resume: true/,
    );
    const { model: _model, ...withoutModel } = rest;
    await expect(train({ ...withoutModel, resume: true })).rejects.toThrow(
      /a model of the class TwoConvs, .*train\(\{ model: new TwoConvs\(\), resume: true/,
    );
    await expect(train({ ...rest, loss: bce, resume: true })).rejects.toThrow(/loss changed from "halfDice"/);
  }, 60_000);
});

/**
 * Runs commands one after another, then serves a run and segments an image. Its arguments are the compiled sources
 * and, as JSON, the commands, the run, an image and a folder for a page.
 */
const USE = `
  import { EventEmitter } from 'node:events';
  import { readFile } from 'node:fs/promises';
  import { Writable } from 'node:stream';
  const { commands, run, image, page } = JSON.parse(process.argv[2]);
  const { runCli } = await import(process.argv[1] + '/cli/cli.js');
  const kept = () => Object.assign(new Writable({
    write(chunk, _, done) { this.text += chunk; done(); } }), { text: '' });
  const ended = [];
  for (const words of commands) {
    const [stdout, stderr] = [kept(), kept()];
    const code = await runCli(words, { stdout, stderr, env: {}, signals: new EventEmitter() });
    ended.push({ code, stdout: stdout.text, stderr: stderr.text });
  }
  const { startServer } = await import(process.argv[1] + '/serve/index.js');
  const server = await startServer(run, { port: 0, threads: 1, folders: { page, browser: page } });
  const headers = { 'content-type': 'image/png' };
  const answer = await fetch(server.url + 'segment?format=json', { method: 'POST', body: await readFile(image), headers });
  process.stdout.write(JSON.stringify({ ended, served: await answer.json() }));
  await server.close();`;

describe('a run with objects, in a process without them', () => {
  it('predicts, scores, exports and serves, and says what resuming takes', async () => {
    const program = await buildProgram();
    try {
      const folder = join(root, 'pictures');
      for (const part of ['images', 'masks']) await mkdir(join(folder, part), { recursive: true });
      for (let i = 0; i < 4; i++) {
        const { image, mask } = square(i);
        await writeFile(join(folder, 'images', `${i}.png`), await encodeImage(image));
        const grey = { ...mask, channels: 1, data: mask.data.map((value) => 255 * value) };
        await writeFile(join(folder, 'masks', `${i}.png`), await encodeImage(grey));
      }
      const page = join(root, 'page');
      await mkdir(page);
      await writeFile(join(page, 'index.html'), '<!doctype html><title>page</title>');
      const run = join(root, 'run');
      const images = join(folder, 'images');
      const exported = join(root, 'exported.onnx');
      const of = (precision: string) => ['--out', join(root, `${precision}.onnx`), '--precision', precision];
      const all = ['--data', folder, '--split', 'all', '--json'];
      const commands = [
        ['evaluate', run, ...all],
        ['export', run, '--out', exported],
        ['evaluate', exported, ...all],
        ['export', run, ...of('float16')],
        ['export', run, ...of('int8'), '--data', folder],
        ['export', run, '--out', join(root, 'bare.onnx'), '--bare'],
        ['predict', run, images, '--out', join(root, 'predicted')],
        ['train', '--resume', '--out', run, '--data', folder],
      ];
      const given = JSON.stringify({ commands, run, image: join(images, '0.png'), page });
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...['--input-type=module', '--eval', USE, join(dirname(program.main), '..'), given],
      ]);
      const { ended, served } = JSON.parse(stdout) as { ended: Ended[]; served: unknown };
      const resumed = ended.pop()!;
      for (const { code, stderr } of ended) {
        expect(stderr).not.toMatch(/error/);
        expect(code).toBe(0);
      }
      const [whole, , again] = ended.map((each) => each.stdout);
      expect((JSON.parse(whole!) as Record<string, number>)['meanIoU']).toBeGreaterThan(0.1);
      expect(JSON.parse(again!)).toMatchObject({
        meanIoU: (JSON.parse(whole!) as Record<string, number>)['meanIoU'],
      });
      expect((await readFile(join(root, 'predicted', '3.png'))).length).toBeGreaterThan(50);
      expect(served).toMatchObject({ width: 16, height: 16 });
      expect(resumed.code).not.toBe(0);
      expect(resumed.stderr).toMatch(
        /a model of the class TwoConvs, .*train\(\{ model: new TwoConvs\(\), loss,/,
      );
    } finally {
      await program.remove();
    }
  }, 180_000);
});

describe('a data set of your own', () => {
  it('needs a length and get, and says what is wrong', async () => {
    const { mask } = square(0);
    const wrong = { length: 4, get: () => ({ ...square(0), mask: { ...mask, width: 8 } }) };
    await expect(train({ ...options(), data: wrong, out: join(root, 'wrong') })).rejects.toThrow(
      /sample 0: its image is 16×16, its mask 16×8/,
    );
  });
});
