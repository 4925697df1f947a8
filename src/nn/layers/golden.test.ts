/** Results, gradients and running statistics of the layers against PyTorch's: see test/golden/layers.py. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import golden from '../../../test/golden/layers.json' with { type: 'json' };
import type { Shape } from '../../graph/index.js';
import { constant, gradients, input, mul, sum } from '../../graph/index.js';
import type { Runtime } from '../../runtime/index.js';
import { Program, viewOf } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import * as layers from '../index.js';
import type { Layer } from '../index.js';

interface LayerCase {
  readonly layer: string;
  readonly arguments: readonly unknown[];
  readonly options: object | null;
  readonly mode: string;
  readonly shape: Shape;
  readonly scale: number;
  readonly outputShape: Shape;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

const cases = golden as unknown as readonly LayerCase[];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());

/** As `ramp` in layers.py. */
const ramp = (step: number, size: number) =>
  Float32Array.from({ length: size }, (_, i) => ((i * step + 17) % 1009) / 252 - 2.0003);

const makers = layers as unknown as Readonly<Record<string, new (...settings: unknown[]) => Layer>>;

async function evaluate({ layer, arguments: given, options, mode, shape, scale }: LayerCase) {
  const model = new makers[layer]!(...given, ...(options ? [options] : []));
  model.train(mode === 'train');
  const state = new layers.ModelState(model);
  for (const slot of state.slots) {
    const values = ramp(31, slot.array.size);
    state
      .values(slot)
      .set(slot.name.endsWith('running_var') ? values.map((value) => Math.abs(value) + 0.5) : values);
  }
  const x = input('x', shape);
  const { output, updates } = layers.traceModel(model, x);
  const loss = sum(mul(output, constant(ramp(389, output.size), output.shape)));
  const learned = [['x', x] as const, ...model.namedParameters()];
  const slopes = gradients(
    loss,
    learned.map(([, leaf]) => leaf),
  );
  const outputs = {
    output,
    ...Object.fromEntries(learned.map(([name], i) => [`gradient:${name}`, slopes[i]!])),
    ...Object.fromEntries([...updates].map(([buffer, value]) => [`buffer:${buffer.name}`, value])),
  };
  const program = await Program.compile(
    { inputs: [x, ...state.slots.map(({ leaf }) => leaf)], outputs },
    runtime,
  );
  const values = ramp(611, x.size).map((value) => scale * value);
  const results = await program.run({ x: viewOf(values), ...state.feeds() });
  await program.release();
  return { shape: output.shape, results };
}

const named = cases.map((test) => {
  const settings = [...test.arguments, ...(test.options ? [test.options] : [])];
  return [`${test.layer}(${settings.map((value) => JSON.stringify(value)).join(', ')}), ${test.mode}`, test];
}) as [string, LayerCase][];

describe('layers give PyTorch’s values and gradients', () => {
  it.each(named)('%s', async (_, test) => {
    const { shape, results } = await evaluate(test);
    expect(shape).toEqual(test.outputShape);
    expect(Object.keys(results).sort()).toEqual(Object.keys(test.tensors).sort());
    for (const [name, wanted] of Object.entries(test.tensors)) {
      const got = results[name] as Float32Array;
      const norm = Math.hypot(...wanted);
      const distance = Math.hypot(...wanted.map((value, i) => value - got[i]!));
      expect(got.length, name).toBe(wanted.length);
      expect(distance, name).toBeLessThanOrEqual(1e-5 * norm + 1e-6);
    }
  });
});
