/** `pixelwise predict MODEL INPUT… --out DIR`: masks for files, folders and patterns. */
import { join, resolve } from 'node:path';
import { predictFiles, Segmenter } from '../../inference/index.js';
import { writePreLabels } from '../../inference/pre-labels.js';
import { checkSameModel } from '../../jobs/ranks.js';
import { chosenThreshold } from '../chosen-threshold.js';
import type { Run } from '../command.js';
import { withResultKept } from '../kept-result.js';

export const run: Run<'predict'> = async (options, { output, signal, words, group }) => {
  const [source, ...inputs] = words as [string, ...string[]];
  const { checkpoint, device, threads, ttaTransforms, json: _json, threshold: wanted, ...rest } = options;
  const segmenter = await Segmenter.load(source, {
    checkpoint,
    device,
    threads: threads ?? group?.threads,
    onNote: (note) => output.note(note),
  });
  await checkSameModel(group?.communicator, source, checkpoint);
  try {
    const { tile, overlap } = options;
    const tta = options.tta === true ? (ttaTransforms ?? true) : options.tta;
    const view = { tile, overlap, tta };
    const { threshold, chosen } = await chosenThreshold(source, segmenter, wanted, view, {
      output,
      signal,
    });
    const progress = output.progress({ label: 'predicting', unit: 'images' });
    const { outputs, failures } = await predictFiles(segmenter, inputs, {
      ...rest,
      tta,
      ...(threshold !== undefined && { threshold }),
      signal,
      communicator: group?.communicator,
      onNote: (note) => output.note(note),
      onProgress: (done, total) => progress.update({ done, total }),
    });
    progress.end();
    // What is to be said of all inputs, rank 0 says.
    if (group && group.communicator.rank > 0) return {};
    for (const { error } of failures) output.error(error.message);
    output.line(`${outputs.length} masks in ${resolve(options.out)}`);
    const failed = failures.map(({ input, error: { code, message } }) => ({ input, code, message }));
    const json = {
      outputs,
      ...(failed.length > 0 && { failures: failed }),
      ...(chosen && { threshold: chosen }),
    };
    return await withResultKept(json, output, async () => {
      if (options.annotations !== undefined) {
        const folder = join(resolve(options.out), 'annotations');
        await writePreLabels(options.annotations, segmenter.card.classes, outputs, folder);
        output.line(`Annotations (${options.annotations}) in ${folder}`);
      }
      return { json, exitCode: failed.length > 0 ? 1 : 0 };
    });
  } finally {
    await segmenter.close();
  }
};
