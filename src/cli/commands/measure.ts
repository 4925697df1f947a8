/** `pixelwise measure RUN|MODEL.onnx|MASKS INPUT… --out DIR`: objects counted and measured, as tables. */
import { isModel, membersOf, Segmenter } from '../../inference/index.js';
import { measure } from '../../jobs/measure.js';
import { counted } from '../../report/numbers.js';
import { chosenThreshold } from '../chosen-threshold.js';
import type { Run } from '../command.js';

export const run: Run<'measure'> = async (options, { output, signal, words }) => {
  const [source, ...images] = words as [string, ...string[]];
  const { checkpoint, device, threads, threshold: wanted, ttaTransforms, json: _json, ...rest } = options;
  const tta = options.tta === true ? (ttaTransforms ?? true) : options.tta;
  const sources = await membersOf(source);
  const model = (await isModel(source))
    ? await Segmenter.load(sources, {
        checkpoint,
        device,
        threads,
        onNote: (note) => output.note(note),
      })
    : undefined;
  try {
    const { tile, overlap } = options;
    const { threshold } = model
      ? await chosenThreshold(sources, model, wanted, { tile, overlap, tta }, { output, signal })
      : {};
    const progress = output.progress({ label: 'measuring', unit: 'images' });
    const { failures, ...result } = await measure({
      ...rest,
      ...(model ? { model } : { masks: source }),
      images,
      tta,
      ...(threshold !== undefined && { threshold }),
      signal,
      onNote: (note) => output.note(note),
      onProgress: (done, total) => progress.update({ done, total }),
    });
    progress.end();
    for (const { error } of failures) output.error(error.message);
    for (const [name, count] of Object.entries(result.counts))
      output.line(`${name}: ${counted(count, 'object')}`);
    output.line(`Tables: ${result.objects}, ${result.images}`);
    const failed = failures.map(({ input, error: { code, message } }) => ({ input, code, message }));
    return {
      json: { ...result, ...(failed.length > 0 && { failures: failed }) },
      exitCode: failed.length > 0 ? 1 : 0,
    };
  } finally {
    await model?.close();
  }
};
