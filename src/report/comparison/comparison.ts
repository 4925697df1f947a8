/** The comparison of several runs: one file, as the report of one run is. */
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { writeFileAtomic } from '../../files/index.js';
import { page } from '../page/page.js';
import { writtenOn } from '../report.js';
import type { Compared } from './compared.js';
import { curvesSection } from './curves-section.js';
import type { ComparedSamples } from './samples.js';
import { sharedSamples, withinBytes } from './samples.js';
import { samplesSection } from './samples-section.js';
import { classesSection, scoresSection } from './scores-section.js';
import { settingsSection } from './settings-section.js';
import { comparisonVerdict } from './verdict-section.js';

/** Bytes that the pictures of a comparison may take. */
const PICTURE_BYTES = 12 * 2 ** 20;

export interface ComparisonOptions {
  /** The file to write. */
  readonly out: string;
  /** Samples that every model predicted; by default what the runs kept of the same samples. */
  readonly samples?: ComparedSamples | undefined;
  /** Why they were not predicted, where they were to be. */
  readonly why?: string | undefined;
}

/** Writes the page. @returns its absolute path. */
export async function writeComparison(
  compared: Compared,
  { out, samples, why }: ComparisonOptions,
): Promise<string> {
  const file = resolve(out);
  const shown = samples ?? sharedSamples(compared);
  const text = comparisonPage(compared, shown && withinBytes(shown, PICTURE_BYTES), why, new Date());
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, text);
  return file;
}

/** The whole page. @param now when it is written. */
export function comparisonPage(
  compared: Compared,
  samples: ComparedSamples | undefined,
  why: string | undefined,
  now: Date,
): string {
  const sections = [
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
    kicker: 'Pixelwise comparison',
    sections: sections.filter((section) => section !== undefined),
    footer: writtenOn(versions.join(' and '), now),
  });
}
