/** `pixelwise evaluate MODEL --data DIR`: scores of a model on labelled images. */
import { join, resolve } from 'node:path';
import { asObjects } from '../../data/index.js';
import { UsageError } from '../../errors/index.js';
import { Claim, WrittenFiles, writeOutputFile } from '../../files/index.js';
import type { ScoredSample } from '../../inference/index.js';
import { evaluate, membersOf, pathsIn, resultPaths, Segmenter, writeResults } from '../../inference/index.js';
import { checkSameModel } from '../../jobs/ranks.js';
import { OUTLINE_METRICS, type OutlineMetric } from '../../metrics/index.js';
import { parseLosses } from '../../nn/index.js';
import { writeGallery } from '../../report/index.js';
import type { Run } from '../command.js';
import { chosenThreshold } from '../chosen-threshold.js';
import { dataToScore, refuseOneClass } from '../data-to-score.js';
import { withResultKept } from '../kept-result.js';
import { partToScore } from '../part-to-score.js';
import { metricsText, scoresText } from '../scores-text.js';

/** Names of the part on which a run's best epoch is chosen. */
const VALIDATION: readonly string[] = ['val', 'valid', 'validation'];

/** Files that are written besides those of each image. */
const ownFiles = (out: string): string[] => [join(out, 'scores.json'), join(out, 'samples', 'gallery.json')];

const outlineMetrics = (names: readonly OutlineMetric[]) =>
  Object.fromEntries(names.map((name) => [name, OUTLINE_METRICS[name]]));

export const run: Run<'evaluate'> = async (options, { output, signal, words, group }) => {
  const sources = (await membersOf(words)) as [string, ...string[]];
  const [source] = sources;
  const { data, split, checkpoint, device, threads, scoreAt, overlay, probabilities, outlines } = options;
  const writes = overlay === true || probabilities === true || outlines !== undefined;
  if (writes && options.out === undefined) {
    throw new UsageError(
      '--overlay, --probabilities and --outlines write files: name a folder for them with --out',
    );
  }
  if (writes && scoreAt === 'model') {
    throw new UsageError(
      '--overlay, --probabilities and --outlines are those of the images: leave --score-at model out',
    );
  }
  const segmenter = await Segmenter.load(sources, {
    checkpoint,
    device,
    threads: threads ?? group?.threads,
    onNote: (note) => output.note(note),
  });
  for (const each of sources) await checkSameModel(group?.communicator, each, checkpoint);
  let claim: Claim | undefined;
  const written = options.out === undefined ? undefined : new WrittenFiles(options.out);
  try {
    const { classes, loss, lossSettings } = segmenter.card;
    const read = await dataToScore(source, options, classes);
    const dataset = read.hasObjects ? asObjects(read, data) : read;
    if (segmenter.card.objects && !read.hasObjects) {
      output.note('The truth does not tell objects apart: only their classes are scored.');
    }
    dataset.notes?.forEach((note) => output.note(note));
    await refuseOneClass(dataset, data);
    const { part, note } = await partToScore(sources, dataset, data, split);
    if (note !== undefined) output.warn(note);
    const { tile, overlap, keepLargest, minArea, fillHoles } = options;
    const tta = options.tta === true ? (options.ttaTransforms ?? true) : options.tta;
    const view = { tile, overlap, tta };
    const { threshold, chosen } = await chosenThreshold(sources, segmenter, options.threshold, view, {
      output,
      signal,
    });
    if (options.out !== undefined && (group?.communicator.rank ?? 0) === 0) {
      claim = await Claim.take(options.out, { purpose: 'evaluate' });
      await written?.refuseOthers(ownFiles(resolve(options.out)));
    }
    const progress = output.progress({ label: 'scoring', unit: 'images', total: part.length });
    const write = async ({ sample, prediction, probabilities }: ScoredSample): Promise<void> => {
      const paths = resultPaths(resolve(options.out!), sample.id, { ...options, mask: false });
      const { id: fileName, image } = sample;
      await written!.refuseOthers(pathsIn(paths));
      await writeResults(paths, { fileName, image, mask: prediction, probabilities }, segmenter.card);
      await written!.record(pathsIn(paths));
    };
    const look = { threshold, tile, overlap, tta, keepLargest, minArea, fillHoles };
    const evaluation = await evaluate(segmenter, part, {
      ...look,
      scoreAt,
      probabilities,
      metrics: options.metrics && outlineMetrics(options.metrics),
      onSample: writes ? write : undefined,
      losses: loss === undefined ? undefined : parseLosses(loss, lossSettings),
      signal,
      communicator: group?.communicator,
      onProgress: (done) => progress.update({ done }),
    });
    progress.end();
    if (group && group.communicator.rank > 0) return {};
    scoresText(`${words.join(' + ')} on ${data}`, evaluation).forEach((line) => output.line(line));
    if (evaluation.metrics) output.line(metricsText(evaluation.metrics));
    const json = chosen ? { ...evaluation, threshold: chosen } : evaluation;
    if (options.out === undefined) return { json };
    const out = resolve(options.out);
    // Which epoch is the best was chosen on the validation part.
    const chosenOn = VALIDATION.includes(split ?? '');
    const gallery = { ...look, scoreAt, part: chosenOn ? 'valid' : (split ?? 'all'), chosenOn, signal };
    return await withResultKept(json, output, async () => {
      await writeGallery(join(out, 'samples'), segmenter, part, evaluation, gallery);
      await writeOutputFile(join(out, 'scores.json'), `${JSON.stringify(json, null, 1)}\n`);
      await written?.record(ownFiles(out));
      output.line(`Scores and the best and worst samples: ${out}`);
      return { json: { ...json, out } };
    });
  } finally {
    await claim?.release();
    await segmenter.close();
  }
};
