/** Measures prediction with the graph that `export --bare` writes: the network without resizing. */
import { defaultNormalization } from '../data/normalization.js';
import { exportGraph, predictionTarget } from '../inference/export-graph.js';
import { forwardOperations } from '../models/index.js';
import { ModelState } from '../nn/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { transferredView } from '../runtime/index.js';
import type { BenchCase, CaseSettings } from './case.js';
import { benchClasses, benchModel } from './case.js';
import { drawBatch } from '../training/index.js';
import { batchShape } from './case.js';
import type { Steps } from './timing.js';
import { timeRepeats } from './timing.js';

export async function measurePrediction(
  which: BenchCase,
  { repeats }: CaseSettings,
  runtime: Runtime,
): Promise<Steps> {
  const model = benchModel(which.model);
  const shape = batchShape(which);
  const { size: batch, channels, height, width } = shape;
  const operations = forwardOperations(model, shape);
  const classes = Array.from({ length: benchClasses(which.model) }, (_, i) => `class ${i}`);
  const state = ModelState.initialize(model, 0);
  const card = {
    model: { name: which.model, options: {} },
    classes,
    channels,
    maxValue: 255,
    height,
    width,
    normalization: defaultNormalization(channels),
    palette: classes.map((_, i) => [i, i, i] as const),
  } as const;
  const started = performance.now();
  const graph = exportGraph(model, state, card, {
    bare: true,
    batch,
    target: predictionTarget(runtime.device),
  });
  const session = await runtime.load(encodeModel(graph));
  const compileSeconds = (performance.now() - started) / 1000;
  const pixels = drawBatch(shape, classes.length).images;
  const images = {
    name: 'input',
    dtype: 'float32',
    shape: [batch, channels, height, width],
    view: transferredView(pixels),
  } as const;
  const channelsOut = graph.graph.outputs[0]!.dims![1] as number;
  const logits = {
    name: 'logits',
    dtype: 'float32',
    shape: [batch, channelsOut, height, width],
    view: transferredView(new Float32Array(batch * channelsOut * height * width)),
  } as const;
  const times = await timeRepeats(repeats, async () => void (await session.run([images], [logits], [])));
  await session.release();
  return { times, compileSeconds, operations };
}
