/** What to say of a flag that a command does not take: where it belongs, or what it is called here. */
import { flagName, nearest } from '../settings/index.js';
import { optionsOf, OPTION_ENTRIES, type CommandName } from './options.js';

/** Flags of other tools (Ultralytics, timm, torchvision's and other training scripts) by the flag that does it here. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  batch: ['batch-size', 'batchsize', 'bs', 'train-batch-size', 'per-gpu-batch-size', 'b'],
  lr: ['learning-rate', 'learningrate', 'lr0', 'base-lr', 'max-lr', 'l'],
  size: ['imgsz', 'img-size', 'image-size', 'input-size', 'img', 'resolution', 'crop-size', 'resize'],
  epochs: ['num-epochs', 'n-epochs', 'max-epochs', 'e'],
  device: ['gpu', 'gpus', 'gpu-id', 'gpu-ids', 'cuda', 'use-cuda', 'accelerator'],
  threads: ['workers', 'num-workers', 'jobs', 'j'],
  model: ['arch', 'architecture', 'network', 'backbone', 'encoder', 'encoder-name'],
  encoderWeights: ['pretrained'],
  init: ['weights', 'load', 'load-from', 'finetune', 'pretrained-model', 'initial-checkpoint'],
  data: ['dataset', 'data-dir', 'data-path', 'dataset-path', 'dataroot', 'data-root', 'd'],
  out: ['output', 'output-dir', 'out-dir', 'save-dir', 'log-dir', 'logdir', 'work-dir', 'project', 'o'],
  classes: ['num-classes', 'n-classes', 'nc', 'class-names', 'names'],
  val: ['validation', 'valid', 'val-split', 'validation-split', 'val-percent'],
  loss: ['criterion', 'loss-fn', 'loss-function'],
  optimizer: ['optim', 'opt', 'solver'],
  schedule: ['scheduler', 'lr-scheduler', 'lr-schedule', 'sched'],
  augment: ['augmentation', 'augmentations', 'aug', 'transforms'],
  patience: ['early-stopping', 'early-stop'],
  clipNorm: ['grad-clip', 'clip-grad', 'max-norm', 'gradient-clip-val'],
  accumulate: ['grad-accum', 'gradient-accumulation-steps', 'accumulate-grad-batches', 'grad-accum-steps'],
  freezeEncoder: ['freeze', 'freeze-backbone'],
  ema: ['model-ema', 'ema-decay'],
  threshold: ['conf', 'conf-thres', 'conf-thresh', 'mask-threshold'],
  checkpoint: ['ckpt'],
  tile: ['tile-size', 'window-size', 'sliding-window'],
  config: ['cfg', 'yaml', 'config-file'],
  format: ['dataset-type', 'data-format'],
};

/** Words that a message lists, at most. */
const MOST_WORDS = 8;

/**
 * Follows "there is no such option": the name of the flag here, the commands that take it, or the flag that it is a
 * misspelling of. Empty where nothing is close.
 *
 * @param written the flag with or without its dashes, in any case: `--batch_size`, `imgsz`.
 * @param dashes what stands before a flag: nothing in a config file.
 */
export function flagAdvice(command: CommandName, written: string, dashes: '--' | '' = '--'): string {
  const flag = flagName(written.replace(/^-+(no-)?/, ''))
    .replaceAll('_', '-')
    .replace(/^-/, '');
  const taken = optionsOf(command);
  const same = taken.find((entry) => entry.flag === flag);
  if (same) return ` Did you mean ${dashes}${same.flag}?`;
  const [name] = Object.entries(ELSEWHERE).find(([, flags]) => flags.includes(flag)) ?? [];
  const here = taken.find((entry) => entry.name === name);
  if (here) {
    const { words = [] } = here.kind;
    const choices = words.length > 0 && words.length <= MOST_WORDS ? ` (${words.join(', ')})` : '';
    return ` It is called ${dashes}${here.flag} here: ${here.help}${choices}.`;
  }
  const others = OPTION_ENTRIES.filter((entry) => entry.flag === flag || entry.name === name);
  if (others.length > 0) {
    const commands = [...new Set(others.flatMap((entry) => entry.commands))];
    return ` ${dashes}${others[0]!.flag} is an option of ${commands.join(', ')}.`;
  }
  const close = nearest(
    flag,
    taken.map((entry) => entry.flag),
  );
  return close === undefined ? '' : ` Did you mean ${dashes}${close}?`;
}
