/**
 * What a person should know before trusting a run's figures, in plain words. Each rule says when it speaks; the
 * limits are judgements, chosen so that an ordinary good run has none of the warnings.
 */
import type { ClassScores } from '../metrics/index.js';
import type { Judged, Run } from './read-run.js';
import { count, counted, figure, listed, percent } from './numbers.js';

export interface Warning {
  /** `warning`: the figures mislead or the run failed at something; `note`: good to know. */
  readonly level: 'warning' | 'note';
  /** The rule that speaks. */
  readonly code: string;
  readonly text: string;
}

type Rule = (run: Run) => Omit<Warning, 'code'> | undefined;

/** A validation part smaller than this makes differences of a few hundredths a matter of chance. */
export const FEW_VALIDATION = 30;
/** A training part smaller than this. */
export const FEW_TRAINING = 20;
/** The share of pixels below which a class is called rare, and the IoU that makes it worth a word. */
export const RARE_SHARE = 0.01;
export const RARE_IOU = 0.5;
/** The IoU below which a class was hardly learnt, however common. */
export const POOR_IOU = 0.2;
/** By how much of itself the validation loss rises from its least before that is called overfitting. */
export const OVERFIT_RISE = 0.1;
/** Epochs over which that rise must have lasted. */
export const OVERFIT_EPOCHS = 3;
/** The lead of training over validation, in mean IoU, that is called memorising. */
export const MEMORISED = 0.15;
/** The lead of validation over test, in mean IoU, that is worth a word. */
export const TEST_DROP = 0.05;
/** What mean IoU gained over the last fifth of the epochs where more of them would help. */
export const STILL_RISING = 0.02;
/** The share of all pixels in one predicted class that is called one answer to everything. */
export const ONE_ANSWER = 0.995;

const RULES: Readonly<Record<string, Rule>> = {
  'no-epoch': ({ history }) =>
    history.length > 0
      ? undefined
      : { level: 'warning', text: 'No epoch is finished yet: there is nothing to judge.' },

  'not-ended': ({ history, ended, config }) =>
    ended || history.length === 0
      ? undefined
      : {
          level: 'warning',
          text:
            (history.length < config.training.epochs
              ? `${epochsOf(history.length, config.training.epochs)} are done and the run has not ended`
              : 'All epochs are done, but the run was not scored at its end') +
            ': it is still going on, or was cut off. If it was, the same command with --resume goes on with it.',
        },

  interrupted: ({ ended, config }) =>
    ended?.stopped === 'interrupted'
      ? {
          level: 'warning',
          text: `The run was interrupted after ${epochsOf(ended.epochs, config.training.epochs)}: these are not the figures of a whole run. The same command with --resume goes on with it.`,
        }
      : undefined,

  'stopped-early': ({ ended, config }) =>
    ended?.stopped === 'patience'
      ? {
          level: 'note',
          text: `Training stopped after ${epochsOf(ended.epochs, config.training.epochs)}, since ${config.training.patience} epochs in a row brought nothing better.`,
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
      text: `The loss was not a finite number ${where}. A lower learning rate often helps; curves have gaps there, and what came after is not to be trusted.`,
    };
  },

  'no-validation': ({ config }) =>
    config.data.valid > 0
      ? undefined
      : {
          level: 'warning',
          text:
            'Nothing was held out for validation: no epoch could be chosen and the last one counts as the best.' +
            (config.data.test > 0
              ? ''
              : ' Without a test part either, nothing here tells what the model does on images that it has not seen.'),
        },

  'few-training': ({ config: { data } }) =>
    data.train >= FEW_TRAINING
      ? undefined
      : { level: 'warning', text: `The model learnt from ${counted(data.train, 'image')} only.` },

  'few-validation': ({ config: { data } }) =>
    data.valid === 0 || data.valid >= FEW_VALIDATION
      ? undefined
      : {
          level: 'warning',
          text: `Validation is only ${counted(data.valid, 'image')}: differences of a few hundredths between epochs or runs may be chance.`,
        },

  'chosen-on': ({ judged, ended }) => {
    const valid = judged.find(({ part }) => part === 'valid');
    if (!valid || judged[0]!.part === 'test') return undefined;
    const metric = ended?.best?.metric === 'loss' ? 'least loss' : 'best score';
    return {
      level: 'note',
      text: `The validation figures are those of the epoch that was chosen for its ${metric} on the same images, which flatters them a little. A test part (--test) would not be.`,
    };
  },

  'size-of-model': ({ judged }) =>
    judged[0]?.scoreAt === 'model'
      ? {
          level: 'note',
          text: `The figures were counted after an epoch, at the size that the model works at${judged[0].part === 'train' ? ', on augmented training images while the weights moved' : ''}. At the end of a run its held-out parts are scored at the size of the images.`,
        }
      : undefined,

  overfitting: (run) => {
    const since = overfittingSince(run);
    return since === undefined
      ? undefined
      : {
          level: 'warning',
          text: `Overfitting since epoch ${since}: the validation loss was least there and has risen since, while the training loss went on falling. More images, stronger augmentation, or fewer epochs help.`,
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
      text: `Mean IoU is ${figure(train, 2)} on the training images and ${figure(valid, 2)} on validation: the model knows the former by heart, or the two parts differ.`,
    };
  },

  'still-rising': ({ history, config }) => {
    const done = history.length === config.training.epochs;
    const back = history.at(-1 - Math.ceil(history.length / 5));
    const [before, now] = [back, history.at(-1)].map((record) => (record?.valid ?? record?.train)?.meanIoU);
    if (!done || history.length < 5 || !before || !now || now - before < STILL_RISING) return undefined;
    return {
      level: 'note',
      text: `Mean IoU was still rising at the end (${figure(before, 3)} to ${figure(now, 3)} over the last fifth of the epochs): a longer run is likely to be better.`,
    };
  },

  'test-below': ({ judged }) => {
    const of = (part: Judged['part']) => judged.find((each) => each.part === part)?.scores.meanIoU;
    const [valid, test] = [of('valid'), of('test')];
    if (!valid || test === undefined || test === null || valid - test < TEST_DROP) return undefined;
    return {
      level: 'warning',
      text: `Mean IoU is ${figure(valid - test, 2)} lower on the test part than on validation: the test images differ from what was learnt and chosen on, or there are few of them.`,
    };
  },

  'one-answer': ({ judged }) => {
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
      text: `The model gives ${percent(columns[most]! / all)} of all pixels to "${scores.classes[most]!.name}": it has learnt one answer to everything.`,
    };
  },

  'absent-class': ({ judged }) => {
    const absent = judged[0]?.scores.classes.filter(({ pixels }) => pixels === 0) ?? [];
    if (absent.length === 0) return undefined;
    const names = shortList(absent.map(({ name }) => `"${name}"`));
    return {
      level: 'note',
      text: `No pixel of the ${partName(judged[0]!)} is truly ${names}: how well ${absent.length === 1 ? 'this class is' : 'these classes are'} told is not known, and means leave out what is in neither truth nor prediction.`,
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
      `"${name}" is ${percent(pixels / all)} of the pixels and ${recall === 0 ? 'never found' : `its IoU is ${figure(iou, 2)}`}`;
    const rest = weak.length > 3 ? `; ${count(weak.length - 3)} more classes are as weak` : '';
    return { level: 'warning', text: `Class ${listed(weak.slice(0, 3).map(say))}${rest}.` };
  },

  'data-problems': ({ data }) => {
    const problems = data?.problems ?? [];
    if (problems.length === 0) return undefined;
    const errors = problems.filter(({ level }) => level === 'error').length;
    const said = errors > 0 ? `${counted(errors, 'error')} among ` : '';
    return {
      level: errors > 0 ? 'warning' : 'note',
      text: `The data check found ${said}${counted(problems.length, 'thing')} worth a look, listed under Data.`,
    };
  },

  unreadable: ({ notes }) => (notes.length > 0 ? { level: 'note', text: notes.join(' ') } : undefined),
};

/** Everything that is to be said, warnings before notes, in the order of the rules. */
export function warningsAbout(run: Run): Warning[] {
  const all = Object.entries(RULES).flatMap(([code, rule]) => {
    const warning = rule(run);
    return warning ? [{ code, ...warning }] : [];
  });
  return [...all.filter(({ level }) => level === 'warning'), ...all.filter(({ level }) => level === 'note')];
}

/** The epoch of the least validation loss, where it has risen since while the training loss fell. */
export function overfittingSince({ history }: Pick<Run, 'history'>): number | undefined {
  const held = history.filter(({ valid }) => typeof valid?.loss === 'number');
  const least = held.reduce<(typeof held)[number] | undefined>(
    (best, record) => (best && best.valid!.loss! <= record.valid!.loss! ? best : record),
    undefined,
  );
  const last = held.at(-1);
  if (!least || !last || last.epoch - least.epoch < OVERFIT_EPOCHS) return undefined;
  // The mean of the last epochs: one that jumps is no trend.
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
