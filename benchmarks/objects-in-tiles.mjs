/**
 * Compares the objects that a model of patches finds through tiles with those that it finds in one piece: the same weights
 * in a graph for the whole image.
 *
 *   npm run build
 *   node benchmarks/objects-in-tiles.mjs RUN IMAGE… [--threads N] [--json]
 *
 * RUN was trained on patches (`--patch`). Prints for each image the number of objects in one piece and through tiles, how
 * many are equal pixel for pixel, have an IoU above 0.9 and above 0.5, and for those without a counterpart (IoU of at most
 * 0.5) the distance of their centre to the nearest edge of a tile.
 */
import { parseArgs } from 'node:util';
import { PORTABLE } from '../dist/graph/index.js';
import { coreGraph, exportedModel } from '../dist/inference/export-graph.js';
import { loadRun, Segmenter } from '../dist/inference/index.js';
import { tileStarts } from '../dist/data/tile-starts.js';
import { readSource } from '../dist/inference/image-source.js';
import { DEFAULT_OVERLAP } from '../dist/inference/tiling.js';
import { measureObjects } from '../dist/objects/index.js';
import { encodeModel } from '../dist/onnx/index.js';
import { createNodeRuntime } from '../dist/runtime/node.js';
import { modelOfRun, RunFolder } from '../dist/training/index.js';
import { floatTensors, readWeights } from '../dist/weights/index.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: 'string' }, json: { type: 'boolean', default: false } },
});
const [run, ...images] = positionals;
if (images.length === 0) {
  process.stderr.write('node benchmarks/objects-in-tiles.mjs RUN IMAGE… [--threads N] [--json]\n');
  process.exit(2);
}
const runtime = await createNodeRuntime({
  training: false,
  ...(options.threads && { threads: Number(options.threads) }),
});
const { card, config, checkpoint } = await loadRun(run);
const model = await modelOfRun(new RunFolder(run), config);
const weights = floatTensors(await readWeights(`${checkpoint}/weights.safetensors`));
const tiled = await Segmenter.load(run, { runtime });

/** A segmenter for images of one size, in one piece. */
function wholeSegmenter({ width, height }) {
  const { patch: _patch, ...rest } = card;
  // Sizes are multiples of 32; images are cut to them below.
  const own = { ...rest, width, height };
  return Segmenter.load(
    encodeModel(exportedModel(coreGraph(model, weights, own, { target: PORTABLE }), own)),
    {
      runtime,
    },
  );
}

const cut = ({ width, height, channels, data }) => {
  const [w, h] = [width - (width % 32), height - (height % 32)];
  const rows = Array.from({ length: h }, (_, y) =>
    data.subarray(y * width * channels, (y * width + w) * channels),
  );
  const pixels = new data.constructor(w * h * channels);
  rows.forEach((row, y) => pixels.set(row, y * w * channels));
  return { width: w, height: h, channels, data: pixels };
};

/** The best IoU of each object of `a` with one of `b`. */
function bestOverlaps(a, b) {
  const [areasA, areasB] = [a, b].map((labels) => {
    const areas = new Map();
    for (const label of labels) areas.set(label, (areas.get(label) ?? 0) + 1);
    return areas;
  });
  const shared = new Map();
  const key = areasB.size + 1;
  a.forEach((label, i) => {
    if (label === 0 || b[i] === 0) return;
    shared.set(label * key + b[i], (shared.get(label * key + b[i]) ?? 0) + 1);
  });
  const best = new Map([...areasA.keys()].filter((label) => label > 0).map((label) => [label, 0]));
  for (const [pair, pixels] of shared) {
    const [label, other] = [Math.floor(pair / key), pair % key];
    const iou = pixels / (areasA.get(label) + areasB.get(other) - pixels);
    if (iou > best.get(label)) best.set(label, iou);
  }
  return best;
}

const results = [];
for (const path of images) {
  const image = cut((await readSource(path, card.channels)).raster);
  const { width, height } = image;
  const whole = await wholeSegmenter(image);
  const one = (await whole.segment(image)).objects;
  await whole.close();
  const tiles = (await tiled.segment(image)).objects;
  const overlaps = bestOverlaps(one.labels, tiles.labels);
  const edges = (size, tile) =>
    tileStarts(size, tile, DEFAULT_OVERLAP)
      .flatMap((start) => [start, start + tile])
      .filter((edge) => edge > 0 && edge < size);
  const toEdge = ([y, x]) =>
    Math.round(
      Math.min(
        ...edges(width, card.width).map((edge) => Math.abs(edge - x)),
        ...edges(height, card.height).map((edge) => Math.abs(edge - y)),
      ),
    );
  const different = (labels, best) =>
    measureObjects({ width, height, data: labels })
      .filter(({ label }) => best.get(label) <= 0.5)
      .map(({ centroid, area }) => ({ centre: centroid.map(Math.round), area, toEdge: toEdge(centroid) }));
  const counts = [...overlaps.values()];
  results.push({
    image: path,
    width,
    height,
    inOnePiece: one.classes.length,
    throughTiles: tiles.classes.length,
    equal: counts.filter((iou) => iou === 1).length,
    above90: counts.filter((iou) => iou > 0.9).length,
    above50: counts.filter((iou) => iou > 0.5).length,
    onlyInOnePiece: different(one.labels, overlaps),
    onlyThroughTiles: different(tiles.labels, bestOverlaps(tiles.labels, one.labels)),
  });
}
await tiled.close();
await runtime.close();
if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else {
  for (const { onlyInOnePiece, onlyThroughTiles, ...rest } of results) {
    console.log(rest);
    console.log('  only in one piece:', onlyInOnePiece);
    console.log('  only through tiles:', onlyThroughTiles);
  }
}
