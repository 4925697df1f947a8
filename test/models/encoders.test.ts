/** Encoders against torchvision: the feature maps of each, from the same weights and image. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { input } from '../../src/graph/index.js';
import { ENCODER_NAMES, encoderEntry } from '../../src/models/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { Program, viewOf } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import golden from '../golden/encoders.json' with { type: 'json' };
import { deviation, fill, image } from './golden.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

it('has a reference for every encoder', () => {
  const names = new Set(golden.encoders.map(({ name }) => name.split(', ')[0]));
  expect(names).toEqual(new Set(ENCODER_NAMES));
});

it.each(golden.encoders)('$name gives the maps that torchvision gives', async ({ name, ...reference }) => {
  const [encoderName, atrous] = name.split(', ');
  const encoder = encoderEntry(encoderName!).create(atrous === undefined ? {} : { outputStride: 16 });
  encoder.eval();
  const parameters = encoder.namedParameters();
  const leaves = [...parameters, ...encoder.namedBuffers()].map(([, leaf]) => leaf);
  expect(parameters.reduce((sum, [, { size }]) => sum + size, 0)).toBe(reference.parameters);
  expect(leaves.length).toBe(reference.tensors);

  const images = input('image', golden.image);
  const maps = encoder.maps(images);
  expect(maps.map((map) => map?.shape[1] ?? 0)).toEqual(encoder.widths);
  const found = maps.slice(1).filter((map) => map !== undefined);
  expect(found.map(({ shape }) => shape)).toEqual(reference.maps.map(({ shape }) => shape));
  const outputs = Object.fromEntries(found.map((map, i) => [`map ${i}`, map]));
  const program = await Program.compile({ inputs: [images, ...leaves], outputs }, runtime);
  const weights = leaves.map((leaf) => [leaf.name, viewOf(fill(leaf.name, leaf.shape))] as const);
  const results = await program.run({
    image: viewOf(image(golden.image, 'image')),
    ...Object.fromEntries(weights),
  });
  await program.release();
  for (const [i, { shape, norm, values }] of reference.maps.entries()) {
    const size = shape.reduce((a, b) => a * b);
    const expected = { name: `map ${i}`, size, norm, error: 0, values: Float32Array.from(values) };
    const { error } = deviation(results[`map ${i}`] as Float32Array, expected);
    expect(error, `map ${i}`).toBeLessThan(1e-4);
  }
});
