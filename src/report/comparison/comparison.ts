/** Writes the comparison of several runs as a single HTML file. */
import { resolve } from 'node:path';
import { refuseOtherFile, writeFileAtomic } from '../../files/index.js';
import { page, PAGE_MARK } from '../page/page.js';
import { writtenOn } from '../report.js';
import type { Compared } from './compared.js';
import { curvesSection } from './curves-section.js';
import type { FoldsSummary } from './folds-section.js';
import { foldsSection } from './folds-section.js';
import type { ComparedSamples } from './samples.js';
import { sharedSamples, withinBytes } from './samples.js';
import { samplesSection } from './samples-section.js';
import { classesSection, scoresSection } from './scores-section.js';
import { settingsSection } from './settings-section.js';
import { comparisonVerdict } from './verdict-section.js';

/** Limit on the total size of a comparison's pictures. */
const PICTURE_BYTES = 12 * 2 ** 20;

export interface ComparisonOptions {
  /** The file to write. */
  readonly out: string;
  /** Samples predicted by every model; default: the pictures that the runs have stored of the same samples. */
  readonly samples?: ComparedSamples | undefined;
  /** Why samples could not be predicted, if the caller wanted to. */
  readonly why?: string | undefined;
  /** The cross-validation that the runs are the folds of. */
  readonly folds?: FoldsSummary | undefined;
}

/**
 * Writes the page.
 * @returns its absolute path.
 * @throws PixelwiseError `file-in-use` rather than replace a file of other origin.
 */
export async function writeComparison(
  compared: Compared,
  { out, samples, why, folds }: ComparisonOptions,
): Promise<string> {
  const file = resolve(out);
  await refuseOtherFile(file, PAGE_MARK);
  const shown = samples ?? sharedSamples(compared);
  const text = comparisonPage(compared, shown && withinBytes(shown, PICTURE_BYTES), why, new Date(), folds);
  await writeFileAtomic(file, text, { createFolder: true });
  return file;
}

/**
 * The page as HTML.
 * @param now time of writing.
 */
export function comparisonPage(
  compared: Compared,
  samples: ComparedSamples | undefined,
  why: string | undefined,
  now: Date,
  folds?: FoldsSummary,
): string {
  const sections = [
    folds && foldsSection(folds),
    comparisonVerdict(compared),
    scoresSection(compared),
    classesSection(compared),
    curvesSection(compared),
    samplesSection(compared, samples, why),
    settingsSection(compared),
  ];
  const versions = [...new Set(compared.columns.map(({ run }) => run.config.machine.pixelwise))];
  return page({
    title: compared.columns.map(({ name }) => name).join(' · '),
    kicker: folds ? 'Pixelwise cross-validation' : 'Pixelwise comparison',
    sections: sections.filter((section) => section !== undefined),
    footer: writtenOn(versions.join(' and '), now),
  });
}
