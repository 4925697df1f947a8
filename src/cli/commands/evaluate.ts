/** `pixelwise evaluate MODEL --data DIR`: scores of a model on labelled images. */
import { evaluate, Segmenter } from '../../inference/index.js';
import { parseLosses } from '../../nn/index.js';
import type { Run } from '../command.js';
import { dataToScore } from '../data-to-score.js';
import { partToScore } from '../part-to-score.js';
import { scoresText } from '../scores-text.js';

export const run: Run<'evaluate'> = async (options, { output, signal, words }) => {
  const source = words[0]!;
  const { data, split, checkpoint, device, threads } = options;
  const segmenter = await Segmenter.load(source, { checkpoint, device, threads });
  try {
    const { classes, loss } = segmenter.card;
    const dataset = await dataToScore(source, options, classes);
    dataset.notes?.forEach((note) => output.note(note));
    const { part, note } = await partToScore(source, dataset, data, split);
    if (note !== undefined) output.warn(note);
    const progress = output.progress({ label: 'scoring', unit: 'images', total: part.length });
    const { scoreAt, threshold, tile, overlap, tta } = options;
    const evaluation = await evaluate(segmenter, part, {
      scoreAt,
      threshold,
      tile,
      overlap,
      tta,
      losses: loss === undefined ? undefined : parseLosses(loss),
      signal,
      onProgress: (done) => progress.update({ done }),
    });
    progress.end();
    scoresText(`${source} on ${data}`, evaluation).forEach((line) => output.line(line));
    return { json: evaluation };
  } finally {
    await segmenter.close();
  }
};
