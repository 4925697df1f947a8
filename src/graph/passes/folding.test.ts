import { describe, expect, it } from 'vitest';
import type { GraphDefinition, Leaf, Tensor } from '../index.js';
import { add, CPU, foldValues, input, lowerGraph, nodesBehind, sizeOf } from '../index.js';
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  ModelState,
  Module,
  Sequential,
  traceModel,
} from '../../nn/index.js';
import { Program } from '../../runtime/index.js';
import { createNodeRuntime } from '../../runtime/node.js';
import { trainingGraph } from '../../training/step.js';
import { frozenLeaves, MobileNetUNet } from '../../models/index.js';

/** Values that a trained model could have. */
function trained(model: Module): ModelState {
  const state = new ModelState(model);
  let offset = 0;
  for (const slot of state.slots) {
    const values = state.values(slot);
    const fanIn = sizeOf(slot.leaf.shape.slice(1));
    const positive = slot.name.endsWith('running_var') || (fanIn === 1 && slot.name.endsWith('weight'));
    const bound = positive ? 0.4 : Math.sqrt(6 / fanIn);
    for (let i = 0; i < values.length; i++) {
      values[i] = (positive ? 1 : 0) + bound * ((((i + offset) * 37) % 101) / 50 - 1);
    }
    offset += values.length;
  }
  return state;
}

function valuesOf(state: ModelState, leaves: ReadonlySet<Leaf>) {
  const values = new Map<Leaf, Float32Array>(state.slots.map((slot) => [slot.leaf, state.values(slot)]));
  return (leaf: Leaf) => (leaves.has(leaf) ? values.get(leaf) : undefined);
}

const operators = ({ outputs }: GraphDefinition) =>
  nodesBehind(Object.values(outputs)).map(({ operator }) => operator.name);
const count = (names: readonly string[], name: string) => names.filter((n) => n === name).length;

async function run(
  definition: GraphDefinition,
  state: ModelState,
  feeds: Record<string, Float32Array | Uint8Array>,
) {
  const runtime = await createNodeRuntime({ worker: false, threads: 1 });
  const program = await Program.compile(definition, runtime);
  const views = Object.fromEntries(state.stateDict().map(({ name, data }) => [name, data]));
  const results = await program.evaluate({ ...views, ...feeds });
  await runtime.close();
  return results as Record<string, Float32Array>;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / (norm || 1));
}

const noise = (size: number) => Float32Array.from({ length: size }, () => 0).map((_, i) => Math.sin(i * i));

describe('folding', () => {
  it('puts batch norms into the convolutions before them, with and without bias', async () => {
    const model = new Sequential(
      new Conv2d(2, 3, 3, { bias: false }),
      new BatchNorm2d(3),
      new Conv2d(3, 4, 3, { stride: 2 }),
      new BatchNorm2d(4, { epsilon: 0.1 }),
    ).freeze();
    const state = trained(model);
    const image = input('image', [2, 2, 9, 8]);
    const definition = {
      inputs: [image, ...frozenLeaves(model)],
      outputs: { y: traceModel(model, image).output },
    };
    const folded = foldValues(definition, valuesOf(state, frozenLeaves(model)));
    expect(folded.inputs).toEqual([image]);
    expect(count(operators(folded), 'batchNorm')).toBe(0);
    const feeds = { image: noise(2 * 2 * 9 * 8) };
    const [plain, result] = [await run(definition, state, feeds), await run(folded, state, feeds)];
    expect(distance(result.y!, plain.y!)).toBeLessThan(1e-6);
  });

  it('leaves a batch norm alone whose convolution is also read elsewhere, or still learns', () => {
    class Shared extends Module {
      readonly conv = new Conv2d(1, 1, 1);
      readonly norm = new BatchNorm2d(1);
      forward(x: Tensor): Tensor {
        const y = this.conv.forward(x);
        return add(y, this.norm.forward(y));
      }
    }
    const image = input('image', [1, 1, 4, 4]);
    const fold = (model: Module & { forward(x: Tensor): Tensor }) => {
      const state = ModelState.initialize(model, 0);
      const inputs = [image, ...state.slots.map(({ leaf }) => leaf)];
      const definition = { inputs, outputs: { y: traceModel(model, image).output } };
      return foldValues(definition, valuesOf(state, frozenLeaves(model)));
    };
    expect(operators(fold(new Shared().freeze()))).toContain('batchNorm');
    const learning = new Sequential(new Conv2d(1, 1, 1, { bias: false }), new BatchNorm2d(1));
    learning.layers[1]!.freeze();
    const folded = fold(learning);
    expect(operators(folded)).toContain('batchNorm');
    expect(folded.inputs.map(({ name }) => name)).toEqual(['image', '0.weight']);
  });
});

describe('a frozen encoder', () => {
  const terms = [{ name: 'loss', weight: 1, loss: crossEntropy() }];
  const batch = { size: 1, channels: 3, height: 32, width: 32 };

  it('is not differentiated, and runs folded', async () => {
    const model = new MobileNetUNet({ classes: 3 });
    const state = trained(model);
    const { definition } = trainingGraph(model, terms, batch);
    const learning = model.namedParameters().filter(([, weight]) => weight.requiresGrad);
    expect(learning.every(([name]) => /^(decoder|head)/.test(name))).toBe(true);
    const names = operators(definition);
    expect(count(names, 'filterGradient')).toBe(learning.filter(([, { rank }]) => rank === 4).length);
    // Every weight of the encoder is read by its own layer and by nothing behind it.
    const nodes = nodesBehind(Object.values(definition.outputs));
    for (const [name, leaf] of model.namedParameters().filter(([, weight]) => !weight.requiresGrad)) {
      const readers = nodes.filter(({ inputs }) => inputs.includes(leaf)).map(({ scope }) => scope);
      expect(readers).toEqual([name.replace(/\.[^.]*$/, '')]);
    }

    const folded = foldValues(definition, valuesOf(state, frozenLeaves(model)));
    expect(count(names, 'batchNorm')).toBe(51);
    expect(count(operators(folded), 'batchNorm')).toBe(0);
    expect(folded.inputs.map(({ name }) => name)).toEqual([
      'images',
      'target',
      ...learning.map(([name]) => name),
    ]);
    const { model: onnx } = lowerGraph(folded, CPU);
    expect(onnx.graph.nodes.filter(({ opType }) => opType === 'BatchNormalization')).toEqual([]);

    const feeds = {
      images: noise(3 * 32 * 32),
      target: Uint8Array.from(noise(32 * 32), (v) => (v > 0 ? 1 : 0)),
    };
    const [plain, result] = [await run(definition, state, feeds), await run(folded, state, feeds)];
    expect(Object.keys(result)).toEqual(Object.keys(plain));
    for (const name of Object.keys(plain))
      expect(distance(result[name]!, plain[name]!), name).toBeLessThan(1e-4);
  });

  it('learns once it is unfrozen', () => {
    const model = new MobileNetUNet({ classes: 3 });
    model.encoder.unfreeze();
    const { definition, trace } = trainingGraph(model, terms, { ...batch, size: 2 });
    const weights = model.namedParameters();
    for (const [name] of weights) expect(definition.outputs).toHaveProperty([`gradient:${name}`]);
    expect(trace.updates.size).toBe(2 * 51);
    expect(frozenLeaves(model).size).toBe(0);
  });
});
