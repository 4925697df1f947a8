/** Files for the tests of the package, made with the built library: a model of three classes, a photo, and their overlay. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawOverlay, imageToPng, Segmenter } from '../../dist/index.js';
import { exportGraph } from '../../dist/inference/index.js';
import { UNet } from '../../dist/models/index.js';
import { ModelState } from '../../dist/nn/index.js';
import { encodeModel } from '../../dist/onnx/index.js';

/** Writes `model.onnx`, untrained, `photo.png`, of waves, and `overlay.png`. */
export async function makeModel(folder) {
  const model = new UNet({ channels: 3, classes: 3, width: 4, depth: 2 });
  const card = {
    model: { name: 'unet', options: {} },
    classes: ['background', 'one', 'two'],
    channels: 3,
    maxValue: 255,
    height: 64,
    width: 64,
    normalization: { kind: 'fixed', name: 'none', mean: [0, 0, 0], std: [1, 1, 1] },
    palette: [
      [0, 0, 0],
      [230, 159, 0],
      [86, 180, 233],
    ],
  };
  const state = ModelState.initialize(model, 3);
  for (const slot of state.slots) if (slot.name.endsWith('bias')) state.values(slot).fill(0);
  const file = encodeModel(exportGraph(model, state, card));
  await writeFile(join(folder, 'model.onnx'), file);
  const [width, height] = [90, 70];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return 127 + 120 * Math.sin(x / (4 + c)) * Math.cos(y / (7 - c));
  });
  const photo = { width, height, channels: 3, data };
  await writeFile(join(folder, 'photo.png'), await imageToPng(photo));
  const segmenter = await Segmenter.load(file);
  const { mask } = await segmenter.segment(photo);
  await segmenter.close();
  if (new Set(mask.data).size < 2) throw new Error('the mask has only one class');
  await writeFile(join(folder, 'overlay.png'), await imageToPng(await drawOverlay(photo, mask, { card })));
}
