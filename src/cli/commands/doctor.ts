/** `pixelwise doctor --data DIR`: finds the errors in a data set before training. */
import { join, resolve } from 'node:path';
import {
  augmentationSheet,
  contactSheet,
  examine,
  openDataset,
  parseAugmentation,
  stretch,
  writeRepairedCopy,
  type DoctorReport,
  type ExamineOptions,
  type OpenOptions,
  type RepairedCopy,
} from '../../data/index.js';
import { WrittenFiles } from '../../files/index.js';
import { writeImage } from '../../images/encode.js';
import { counted } from '../../report/numbers.js';
import type { Run } from '../command.js';
import { withResultKept } from '../kept-result.js';
import type { OptionsOf } from '../options.js';
import type { Output } from '../output.js';
import { grouped } from '../progress.js';
import { textTable } from '../text-table.js';

const SIZES_TOLD = 5;

export const run: Run<'doctor'> = async (options, { output, signal }) => {
  const {
    data: root,
    format,
    target,
    classes,
    group,
    multiLabel,
    resizeMasks,
    strict,
    pages,
    images,
    masks,
    out,
    fix,
  } = options;
  const source: OpenOptions = {
    root,
    format,
    target,
    classes,
    multiLabel,
    resizeMasks,
    strict,
    pages,
    images,
    masks,
    group: group === undefined ? undefined : new RegExp(group, 'u'),
  };
  const progress = output.progress({ label: 'examining', unit: 'pairs' });
  const report = await examine({
    ...source,
    signal,
    onProgress: (done, total) => progress.update({ done, total }),
  });
  progress.end();
  tell(report, output);
  return withResultKept(report, output, async () => {
    const sheets = out !== undefined && report.ok ? await writeSheets(source, options, out) : undefined;
    if (out !== undefined && !sheets)
      output.warn('No sheets are drawn of a data set with errors: mend these first.');
    for (const sheet of sheets ?? []) output.line(`Look at ${sheet}`);
    const json = { ...report, ...(sheets && { sheets }) };
    if (fix === undefined) return { json, exitCode: report.ok ? 0 : 1 };
    const fixed = await writeFixed({ ...source, signal }, fix, output);
    return { json: { ...json, fixed }, exitCode: fixed.ok ? 0 : 1 };
  });
};

/** Writes the repaired copy, says what was done, and whether the copy is fit for training. */
async function writeFixed(
  source: ExamineOptions,
  fix: string,
  output: Output,
): Promise<RepairedCopy & { readonly ok: boolean }> {
  const copy = await writeRepairedCopy(source, fix);
  const counted = (count: number, noun: string): string =>
    `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
  output.line(
    `Repaired copy: ${copy.out} (${counted(copy.linked, 'unchanged file')}, ${counted(copy.converted, 'file')} ` +
      `rewritten, ${counted(copy.skipped, 'image')} left out)`,
  );
  for (const { code, count, examples, message } of copy.repairs) {
    output.line(
      `  ${code}, ${counted(count, 'file')}: ${message} (${examples.join(', ')}${count > examples.length ? ', …' : ''})`,
    );
  }
  const { ok, problems } = await examine({ root: copy.out, format: 'folder', signal: source.signal });
  if (!ok) {
    output.line('The copy still has errors that no rule repairs:');
    for (const { level, code, message, fix: todo } of problems) {
      if (level === 'error') output.line(`  ${code}: ${message} ${todo}`);
    }
  }
  return { ...copy, ok };
}

function tell(report: DoctorReport, output: Output): void {
  const { colors } = output;
  const { problems, classes, sizes, emptyMasks } = report;
  output.line(`format ${report.format}; ${report.pairing === '' ? 'no pairs' : report.pairing}`);
  output.line(`${grouped(report.pairs)} pairs, ${grouped(report.unlabelled)} images without a mask`);
  for (const { level, code, count, examples, message, fix } of problems) {
    const mark = level === 'error' ? colors.red('error') : colors.yellow('warning');
    const files =
      examples.length === 0 ? '' : ` (${examples.join(', ')}${count > examples.length ? ', …' : ''})`;
    output.line(
      `${mark} ${code}${count > 1 ? `, ${grouped(count)} times` : ''}: ${message}${fix && ` ${fix}`}${files}`,
    );
  }
  const pixels = classes.reduce((sum, one) => sum + one.pixels, 0);
  const share = (count: number): string => (pixels === 0 ? '–' : `${((100 * count) / pixels).toFixed(2)}%`);
  const columns = [
    { heading: 'value', align: 'right' },
    { heading: 'class' },
    { heading: 'share', align: 'right' },
    { heading: 'images', align: 'right' },
  ] as const;
  const rows = classes.map((one) => [String(one.value), one.name, share(one.pixels), grouped(one.images)]);
  for (const line of textTable(columns, rows)) output.line(line);
  const largest = sizes
    .slice(0, SIZES_TOLD)
    .map(({ width, height, images }) => `${width}×${height} (${grouped(images)})`);
  const others = sizes.length > SIZES_TOLD ? ` and ${sizes.length - SIZES_TOLD} others` : '';
  output.line(`sizes: ${largest.join(', ')}${others}`);
  output.line(`ignored pixels: ${(100 * report.ignored.share).toFixed(2)}%`);
  if (emptyMasks.count > 0) {
    output.line(
      `masks without foreground: ${grouped(emptyMasks.count)} (${(100 * emptyMasks.share).toFixed(1)}%)`,
    );
  }
  const errors = problems.filter(({ level }) => level === 'error').length;
  const found = `${counted(errors, 'error')}, ${counted(problems.length - errors, 'warning')}`;
  output.line(
    report.ok ? colors.green(`Fit for training: ${found}.`) : colors.red(`Not fit for training: ${found}.`),
  );
}

/** A sheet of samples with their masks, and one of a sample under the augmentation. Returns their paths. */
async function writeSheets(
  source: OpenOptions,
  options: OptionsOf<'doctor'>,
  out: string,
): Promise<string[]> {
  const dataset = await openDataset(source);
  const { augment = 'light', seed, size } = options;
  const sheets = {
    'samples.png': await contactSheet(dataset),
    'augmentation.png': await augmentationSheet(dataset, {
      transforms: augment === 'none' ? [] : parseAugmentation(augment),
      ...(seed !== undefined && { seed }),
      ...(size && { fit: stretch(size) }),
    }),
  };
  const written = new WrittenFiles(out);
  const paths = Object.keys(sheets).map((name) => resolve(join(out, name)));
  await written.refuseOthers(paths);
  for (const [i, sheet] of Object.values(sheets).entries()) await writeImage(paths[i]!, sheet);
  await written.record(paths);
  return paths;
}
