/**
 * An encoder with pretrained weights against torchvision with the same file. The file is too large to keep:
 * name it by PIXELWISE_WEIGHTS (see ../golden/pretrained.py), or this is skipped.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { input } from '../../src/graph/index.js';
import { createModel, MobileNetV2Encoder, modelEntry } from '../../src/models/index.js';
import { ModelState } from '../../src/nn/index.js';
import { Program, viewOf } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { loadEncoderWeights } from '../../src/weights/index.js';
import golden from '../golden/pretrained.json' with { type: 'json' };
import { deviation, image } from './golden.js';

const path = process.env['PIXELWISE_WEIGHTS'];

it.skipIf(path === undefined)('pretrained weights give the maps that torchvision gives', async () => {
  expect(createHash('sha256').update(readFileSync(path!)).digest('hex')).toBe(golden.sha256);
  const { architecture, field } = modelEntry('mobilenet-unet').pretrained!;
  const state = new ModelState(createModel('mobilenet-unet'));
  const slots = state.slots.filter(({ name }) => name.startsWith(`${field}.`));
  const wanted = slots.map(({ name, leaf }) => ({ name: name.slice(field.length + 1), shape: leaf.shape }));
  const { tensors } = await loadEncoderWeights(architecture, path!, wanted);

  const encoder = new MobileNetV2Encoder();
  encoder.eval();
  const images = input('image', golden.image);
  const maps = encoder.maps(images).slice(1);
  expect(maps.map(({ shape }) => shape)).toEqual(golden.maps.map(({ shape }) => shape));
  const leaves = [...encoder.namedParameters(), ...encoder.namedBuffers()].map(([, leaf]) => leaf);
  const outputs = Object.fromEntries(maps.map((map, i) => [golden.maps[i]!.name, map]));
  const runtime = await createNodeRuntime({ worker: false });
  const program = await Program.compile({ inputs: [images, ...leaves], outputs }, runtime);
  const weights = tensors.map(({ name, data }) => [name, viewOf(data.slice())] as const);
  const results = await program.run({
    image: viewOf(image(golden.image, 'image')),
    ...Object.fromEntries(weights),
  });
  await runtime.close();
  for (const map of golden.maps) {
    const reference = { ...map, values: Float32Array.from(map.values) };
    const { error } = deviation(results[map.name] as Float32Array, reference);
    expect(error, map.name).toBeLessThan(1e-4);
  }
});
