/** `pixelwise export RUN --out MODEL.onnx`: one file that runs anywhere ONNX Runtime runs. */
import { exportRun } from '../../inference/index.js';
import type { Run } from '../command.js';
import { grouped } from '../progress.js';

export const run: Run<'export'> = async (options, { output, words }) => {
  const { out, checkpoint, bare, exportSize: size } = options;
  const { file, bytes, card } = await exportRun(words[0]!, { out, checkpoint, bare, size });
  output.line(`${file} (${grouped(bytes / 1024)} KiB)`);
  return { json: { model: file, bytes, card } };
};
