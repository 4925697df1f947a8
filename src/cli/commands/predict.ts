/** `pixelwise predict MODEL INPUT… --out DIR`: masks for files, folders and patterns. */
import { join, resolve } from 'node:path';
import { isModel, membersOf } from '../../inference/members.js';
import { predictFiles } from '../../inference/predict.js';
import { Segmenter } from '../../inference/segmenter.js';
import { counted } from '../../report/numbers.js';
import { chosenThreshold } from '../chosen-threshold.js';
import type { Run } from '../command.js';
import { withResultKept } from '../kept-result.js';

export const run: Run<'predict'> = async (options, { output, signal, words, group }) => {
  const { sources, inputs } = await modelsFirst(words);
  const { checkpoint, device, threads, ttaTransforms, json: _json, threshold: wanted, ...rest } = options;
  const segmenter = await Segmenter.load(sources, {
    checkpoint,
    device,
    threads: threads ?? group?.threads,
    constantsInFile: true,
    onNote: (note) => output.note(note),
  });
  if (group) {
    const { checkSameModel } = await import('../../jobs/ranks.js');
    for (const each of sources) await checkSameModel(group.communicator, each, checkpoint);
  }
  try {
    const { tile, overlap } = options;
    const tta = options.tta === true ? (ttaTransforms ?? true) : options.tta;
    const view = { tile, overlap, tta };
    const { threshold, chosen } = await chosenThreshold(sources, segmenter, wanted, view, {
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
    // Only rank 0 reports, for the inputs of all ranks.
    if (group && group.communicator.rank > 0) return {};
    for (const { error } of failures) output.error(error.message);
    output.line(`${counted(outputs.length, 'mask')} in ${resolve(options.out)}`);
    const failed = failures.map(({ input, error: { code, message } }) => ({ input, code, message }));
    const json = {
      outputs,
      ...(failed.length > 0 && { failures: failed }),
      ...(chosen && { threshold: chosen }),
    };
    return await withResultKept(json, output, async () => {
      if (options.annotations !== undefined) {
        const { writePreLabels } = await import('../../inference/pre-labels.js');
        const folder = join(resolve(options.out), 'annotations');
        await writePreLabels(options.annotations, segmenter.card, outputs, folder);
        output.line(`Annotations (${options.annotations}) in ${folder}`);
      }
      return { json, exitCode: failed.length > 0 ? 1 : 0 };
    });
  } finally {
    await segmenter.close();
  }
};

/** The first word is a model, and so are those that follow it up to the first that is none; one input is left. */
async function modelsFirst(words: readonly string[]): Promise<{ sources: string[]; inputs: string[] }> {
  let count = 1;
  while (count < words.length - 1 && (await isModel(words[count]!))) count++;
  return { sources: await membersOf(words.slice(0, count)), inputs: words.slice(count) };
}
