/** `pixelwise export RUN --out MODEL.onnx`: one file that runs anywhere ONNX Runtime runs. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Dataset } from '../../data/index.js';
import { FORMAT_NAMES } from '../../data/index.js';
import { exportRun, loadRun, membersOf, type PrecisionScores } from '../../inference/index.js';
import type { TrainSettings } from '../../jobs/index.js';
import { openTrainingData } from '../../jobs/training-data.js';
import type { Run } from '../command.js';
import { configOfRun, dataToScore } from '../data-to-score.js';
import { grouped } from '../progress.js';

export const run: Run<'export'> = async (options, { output, signal, words }) => {
  const [source, ...others] = (await membersOf(words)) as [string, ...string[]];
  const { out, checkpoint, bare, exportSize: size, precision, license, calibration: data } = options;
  const reduced = others.length === 0 && precision !== undefined && precision !== 'float32';
  const parts = reduced ? await partsFor(source, data) : {};
  parts.notes?.forEach((note) => output.note(note));
  let label: string | undefined;
  let progress: ReturnType<typeof output.progress> | undefined;
  const exported = await exportRun([source, ...others], {
    out,
    checkpoint,
    ...(bare !== undefined && { bare }),
    ...(size !== undefined && { size }),
    ...(precision !== undefined && { precision }),
    license,
    calibration: parts.calibration,
    validation: parts.validation,
    signal,
    onNote: (note) => output.note(note),
    onProgress: (work, done, total) => {
      if (work !== label) progress = output.progress({ label: work, unit: 'images', total });
      label = work;
      progress!.update({ done });
    },
  });
  progress?.end();
  const { file, bytes, card } = exported;
  output.line(`${file} (${grouped(bytes / 1024)} KiB)`);
  if (exported.precision) output.line(precisionText(exported.precision));
  return {
    json: { model: file, bytes, card, ...(exported.precision && { precision: exported.precision }) },
  };
};

interface ExportParts {
  readonly calibration?: Dataset;
  readonly validation?: Dataset;
  readonly notes?: readonly string[];
}

/** The images for calibration, and those on which the scores at the lower precision are measured. */
async function partsFor(source: string, data: string | undefined): Promise<ExportParts> {
  const config = await configOfRun(source);
  const own = config?.data.path;
  if (data !== undefined && resolve(data) !== own) {
    const { card } = await loadRun(source);
    const calibration = await dataToScore(source, { data }, card.classes);
    return {
      calibration,
      notes: ['The loss of accuracy is not measured: that takes the validation part of the run.'],
    };
  }
  if (config !== undefined && !FORMAT_NAMES.some((name) => name === config.data.format)) {
    return {
      notes: [`${source} was trained on a data set object, so the loss of accuracy is not measured.`],
    };
  }
  if (config === undefined || own === undefined || !(await stat(own).catch(() => undefined))) {
    return {
      notes: [`The data of ${source} is not there any more, so the loss of accuracy is not measured.`],
    };
  }
  const { parts, fingerprint } = await openTrainingData({
    ...(config.options as TrainSettings),
    data: own,
  });
  if (fingerprint !== config.data.fingerprint) {
    return {
      calibration: parts.train,
      notes: [
        `${own} has changed since ${source} was trained on it, so the loss of accuracy is not measured.`,
      ],
    };
  }
  const { train, valid } = parts;
  return { calibration: train, ...(valid && { validation: valid }) };
}

function precisionText({
  precision,
  samples,
  meanIoU,
  float32MeanIoU,
  ap50,
  float32Ap50,
  float32Bytes,
}: PrecisionScores): string {
  const size = `${precision}: ${grouped(float32Bytes / 1024)} KiB in float32`;
  if (samples === undefined) return size;
  const score = (value: number | null | undefined) => (value === null ? 'none' : value!.toFixed(4));
  const objects = ap50 === undefined ? '' : `; AP at 0.5 ${score(ap50)}, in float32 ${score(float32Ap50)}`;
  return `${size}; mean IoU ${score(meanIoU)}, in float32 ${score(float32MeanIoU)}${objects} (${samples} validation images)`;
}
