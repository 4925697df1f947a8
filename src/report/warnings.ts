/**
 * Warnings and notes about a run's scores. Each rule tests the run and returns its text if it applies. The limits are
 * judgements, chosen so that an ordinary good run gets no warnings.
 */
import { maskValueName } from '../labels/label-set.js';
import type { ClassScores } from '../metrics/index.js';
import type { Judged, Run } from './read-run.js';
import { count, counted, figure, listed, percent } from './numbers.js';

export interface Warning {
  /** `warning`: the scores mislead, or something failed; `note`: worth knowing. */
  readonly level: 'warning' | 'note';
  /** The name of the rule. */
  readonly code: string;
  readonly text: string;
}

type Rule = (run: Run) => Omit<Warning, 'code'> | undefined;

/** With a smaller validation part, differences of a few hundredths may be chance. */
export const FEW_VALIDATION = 30;
/** A training part smaller than this gets a warning. */
export const FEW_TRAINING = 20;
/** A class with a smaller share of the pixels is rare; below this IoU it gets a warning. */
export const RARE_SHARE = 0.01;
export const RARE_IOU = 0.5;
/** The IoU below which a class gets a warning, however common it is. */
export const POOR_IOU = 0.2;
/** The relative rise of the validation loss from its minimum that counts as overfitting. */
export const OVERFIT_RISE = 0.1;
/** Epochs that the rise must last. */
export const OVERFIT_EPOCHS = 3;
/** The lead of training over validation, in mean IoU, that gets a warning. */
export const MEMORISED = 0.15;
/** The lead of validation over test, in mean IoU, that gets a warning. */
export const TEST_DROP = 0.05;
/** The gain in mean IoU over the last fifth of the epochs above which a longer run would help. */
export const STILL_RISING = 0.02;
/** The share of all pixels in one predicted class that gets a warning. */
export const ONE_ANSWER = 0.995;

const RULES: Readonly<Record<string, Rule>> = {
  'no-epoch': ({ history }) =>
    history.length > 0
      ? undefined
      : { level: 'warning', text: 'No epoch is finished yet, so there are no scores.' },

  'not-ended': ({ history, ended, config }) =>
    ended || history.length === 0
      ? undefined
      : {
          level: 'warning',
          text:
            (history.length < config.training.epochs
              ? `${epochsOf(history.length, config.training.epochs)} are done, but the run has not ended`
              : 'All epochs are done, but the final scores are missing') +
            '. The run is still going on, or it was cut off. In that case, repeat the command with --resume to continue.',
        },

  interrupted: ({ ended, config }) =>
    ended?.stopped === 'interrupted'
      ? {
          level: 'warning',
          text: `The run was interrupted after ${epochsOf(ended.epochs, config.training.epochs)}, so these are not the scores of a complete run. Repeat the command with --resume to continue.`,
        }
      : undefined,

  'stopped-early': ({ ended, config }) =>
    ended?.stopped === 'patience'
      ? {
          level: 'note',
          text: `Training stopped after ${epochsOf(ended.epochs, config.training.epochs)}, because ${config.training.patience} epochs in a row brought no improvement.`,
        }
      : undefined,

  'non-finite': ({ history, ended }) => {
    const epochs = history
      .filter(({ train, valid }) => train.loss === null || valid?.loss === null)
      .map(({ epoch }) => epoch);
    const parts = [ended?.valid, ended?.test].filter((scores) => scores?.loss === null);
    if (epochs.length === 0 && parts.length === 0) return undefined;
    const where = epochs.length > 0 ? `in ${epochNames(epochs)}` : 'in the final scores';
    return {
      level: 'warning',
      text: `The loss was not a finite number ${where}. Do not trust later results; the curves have gaps there. A lower learning rate often helps.`,
    };
  },

  'no-validation': ({ config }) =>
    config.data.valid > 0
      ? undefined
      : {
          level: 'warning',
          text:
            'No images were held out for validation, so the last epoch counts as the best.' +
            (config.data.test > 0
              ? ''
              : ' There is no test part either, so nothing shows how the model does on new images.'),
        },

  'few-training': ({ config: { data } }) =>
    data.train >= FEW_TRAINING
      ? undefined
      : { level: 'warning', text: `The model was trained on only ${counted(data.train, 'image')}.` },

  'few-validation': ({ config: { data } }) =>
    data.valid === 0 || data.valid >= FEW_VALIDATION
      ? undefined
      : {
          level: 'warning',
          text: `The validation part has only ${counted(data.valid, 'image')}, so differences of a few hundredths between epochs or runs may be chance.`,
        },

  'chosen-on': ({ judged, ended }) => {
    const valid = judged.find(({ part }) => part === 'valid');
    if (!valid || judged[0]!.part === 'test') return undefined;
    const metric = ended?.best?.metric === 'loss' ? 'least loss' : 'best score';
    return {
      level: 'note',
      text: `The validation scores are slightly optimistic, because the best epoch was chosen by its ${metric} on the same images. Use a test part (--test) for unbiased scores.`,
    };
  },

  'size-of-model': ({ judged }) =>
    judged[0]?.scoreAt === 'model'
      ? {
          level: 'note',
          text: `These scores were computed after an epoch at the model's input size${judged[0].part === 'train' ? ', on augmented training images, while the weights were changing' : ''}. At the end of a run, the held-out parts are scored at the original image size.`,
        }
      : undefined,

  overfitting: (run) => {
    const since = overfittingSince(run);
    return since === undefined
      ? undefined
      : {
          level: 'warning',
          text: `Overfitting since epoch ${since}: the validation loss has risen since then, while the training loss kept falling. Use more images, stronger augmentation, or fewer epochs.`,
        };
  },

  memorising: (run) => {
    const last = run.history.at(-1);
    const [train, valid] = [last?.train.meanIoU, last?.valid?.meanIoU];
    if (overfittingSince(run) !== undefined || !train || !valid || train - valid < MEMORISED) {
      return undefined;
    }
    return {
      level: 'warning',
      text: `Mean IoU is ${figure(train, 2)} on the training images and ${figure(valid, 2)} on the validation images: the model has memorised the training images, or the two parts differ.`,
    };
  },

  'still-rising': (run) => {
    const rising = risingAtEnd(run);
    return (
      rising && {
        level: 'note',
        text: `Mean IoU was still rising at the end (${figure(rising.before, 3)} to ${figure(rising.now, 3)} over the last fifth of the epochs). A longer run would probably be better.`,
      }
    );
  },

  'test-below': ({ judged }) => {
    const of = (part: Judged['part']) => judged.find((each) => each.part === part)?.scores.meanIoU;
    const [valid, test] = [of('valid'), of('test')];
    if (!valid || test === undefined || test === null || valid - test < TEST_DROP) return undefined;
    return {
      level: 'warning',
      text: `Mean IoU is ${figure(valid - test, 2)} lower on the test part than on the validation part: the test images differ from the others, or there are too few of them.`,
    };
  },

  'one-answer': ({ judged, config }) => {
    const scores = judged[0]?.scores;
    const rows = scores?.confusion;
    if (!rows) return undefined;
    const columns = rows.map((_, p) => rows.reduce((sum, row) => sum + row[p]!, 0));
    const all = columns.reduce((sum, pixels) => sum + pixels, 0);
    const most = columns.indexOf(Math.max(...columns));
    const truly = rows[most]!.reduce((sum, pixels) => sum + pixels, 0);
    if (all === 0 || columns[most]! / all < ONE_ANSWER || truly / all >= ONE_ANSWER) return undefined;
    return {
      level: 'warning',
      text: `The model predicts "${maskValueName(config, most)}" for ${percent(columns[most]! / all)} of all pixels. It has collapsed to one class.`,
    };
  },

  'absent-class': ({ judged }) => {
    const absent = judged[0]?.scores.classes.filter(({ pixels }) => pixels === 0) ?? [];
    if (absent.length === 0) return undefined;
    const names = shortList(absent.map(({ name }) => `"${name}"`));
    return {
      level: 'note',
      text: `The ${partName(judged[0]!)} has no pixels of ${names}, so ${absent.length === 1 ? 'this class' : 'these classes'} could not be scored. Means leave out classes that are in neither the truth nor the prediction.`,
    };
  },

  'weak-class': ({ judged }) => {
    const scores = judged[0]?.scores;
    if (!scores) return undefined;
    const all = scores.classes.reduce((sum, { pixels }) => sum + pixels, 0);
    const weak = scores.classes
      .filter(({ iou, pixels }) => {
        if (pixels === 0 || iou === null) return false;
        return iou < POOR_IOU || (pixels / all < RARE_SHARE && iou < RARE_IOU);
      })
      .sort((a, b) => a.iou! - b.iou!);
    if (weak.length === 0) return undefined;
    const say = ({ name, pixels, iou, recall }: ClassScores) =>
      `"${name}" (${percent(pixels / all)} of the pixels) ${recall === 0 ? 'is never found' : `has an IoU of ${figure(iou, 2)}`}`;
    const rest = weak.length > 3 ? `; ${count(weak.length - 3)} more classes are weak too` : '';
    return { level: 'warning', text: `Class ${listed(weak.slice(0, 3).map(say))}${rest}.` };
  },

  'data-problems': ({ data }) => {
    const problems = data?.problems ?? [];
    if (problems.length === 0) return undefined;
    const errors = problems.filter(({ level }) => level === 'error').length;
    const said = errors > 0 ? `${counted(errors, 'error')} among ` : '';
    return {
      level: errors > 0 ? 'warning' : 'note',
      text: `The data check found ${said}${counted(problems.length, 'problem')}, listed under Data.`,
    };
  },

  unreadable: ({ notes }) => (notes.length > 0 ? { level: 'note', text: notes.join(' ') } : undefined),
};

/** All warnings, then all notes, in the order of the rules. */
export function warningsAbout(run: Run): Warning[] {
  const all = Object.entries(RULES).flatMap(([code, rule]) => {
    const warning = rule(run);
    return warning ? [{ code, ...warning }] : [];
  });
  return [...all.filter(({ level }) => level === 'warning'), ...all.filter(({ level }) => level === 'note')];
}

/**
 * The mean IoU a fifth of the epochs before the end, and at the end, if a complete run still improved. Where an earlier
 * epoch was the best, it no longer did.
 */
export function risingAtEnd({
  history,
  bestEpoch = 0,
  config,
}: Pick<Run, 'history' | 'bestEpoch' | 'config'>): { before: number; now: number } | undefined {
  const fifth = Math.ceil(history.length / 5);
  const done = history.length === config.training.epochs;
  if (!done || history.length < 5 || bestEpoch <= history.length - fifth) return undefined;
  const [before, now] = [history.at(-1 - fifth), history.at(-1)].map(
    (record) => (record?.valid ?? record?.train)?.meanIoU,
  );
  return before && now && now - before >= STILL_RISING ? { before, now } : undefined;
}

/** The epoch of the lowest validation loss, if it has risen since while the training loss fell. */
export function overfittingSince({ history }: Pick<Run, 'history'>): number | undefined {
  const held = history.filter(({ valid }) => typeof valid?.loss === 'number');
  const least = held.reduce<(typeof held)[number] | undefined>(
    (best, record) => (best && best.valid!.loss! <= record.valid!.loss! ? best : record),
    undefined,
  );
  const last = held.at(-1);
  if (!least || !last || last.epoch - least.epoch < OVERFIT_EPOCHS) return undefined;
  // The mean of the last epochs, because a single jump is not a trend.
  const ends = held.slice(-OVERFIT_EPOCHS).map(({ valid }) => valid!.loss!);
  const end = ends.reduce((sum, loss) => sum + loss, 0) / ends.length;
  const rose = end - least.valid!.loss! > OVERFIT_RISE * Math.abs(least.valid!.loss!);
  return rose && (last.train.loss ?? Infinity) < (least.train.loss ?? -Infinity) ? least.epoch : undefined;
}

function epochsOf(done: number, wanted: number): string {
  return `${count(done)} of ${counted(wanted, 'epoch')}`;
}

function epochNames(epochs: readonly number[]): string {
  return epochs.length === 1 ? `epoch ${epochs[0]}` : `epochs ${shortList(epochs.map(String))}`;
}

function shortList(words: readonly string[]): string {
  return words.length <= 5 ? listed(words) : `${words.slice(0, 4).join(', ')} and ${words.length - 4} more`;
}

function partName({ part }: Judged): string {
  return `${{ test: 'test', valid: 'validation', train: 'training' }[part]} part`;
}
