/** Writes the report of one run as a single HTML file that opens from disk. */
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { refuseOtherFile, writeFileAtomic } from '../files/index.js';
import { html } from './page/html.js';
import { page, PAGE_MARK } from './page/page.js';
import type { Run } from './read-run.js';
import { readRun } from './read-run.js';
import { classesSection } from './sections/classes.js';
import { confusionSection } from './sections/confusion.js';
import { curvesSection } from './sections/curves.js';
import { dataSection } from './sections/data-sheet.js';
import { filmSection } from './sections/film.js';
import { gallerySection } from './sections/gallery.js';
import { objectsSection } from './sections/objects.js';
import { nextStepsSection } from './sections/next-steps.js';
import { imagesSection } from './sections/images.js';
import { probabilitiesSection } from './sections/probabilities.js';
import { settingsSection } from './sections/settings.js';
import { verdictSection } from './sections/verdict.js';

export interface ReportOptions {
  /** The file to write; default `report.html` in the run folder. */
  readonly out?: string | undefined;
  /** Whether to flush the file to disk, so that it survives a power failure. Default true. */
  readonly durable?: boolean | undefined;
}

/**
 * Writes the report of a run, finished or not.
 *
 * @returns the absolute path of the report.
 * @throws PixelwiseError if `path` is not a run folder; `file-in-use` if `out` is a file of other origin.
 */
export async function writeReport(
  path: string,
  { out, durable = true }: ReportOptions = {},
): Promise<string> {
  if (out !== undefined) await refuseOtherFile(resolve(out), PAGE_MARK);
  const run = await readRun(path);
  const file = resolve(out ?? join(path, 'report.html'));
  const text = reportPage(run, await animationFrom(file, run), new Date());
  // The run's own folder is not created again, should its disk be gone by now.
  await writeFileAtomic(file, text, { durable, createFolder: out !== undefined });
  return file;
}

/**
 * The report as HTML.
 * @param animation address of the animated film.
 * @param now time of writing.
 */
export function reportPage(run: Run, animation: string | undefined, now: Date): string {
  const sections = [
    verdictSection(run),
    nextStepsSection(run),
    curvesSection(run),
    classesSection(run),
    confusionSection(run),
    objectsSection(run),
    probabilitiesSection(run),
    imagesSection(run),
    gallerySection(run),
    filmSection(run, animation),
    dataSection(run),
    settingsSection(run),
  ];
  return page({
    title: run.name,
    kicker: 'Pixelwise report',
    sections: sections.filter((section) => section !== undefined),
    footer: writtenOn(run.config.machine.pixelwise, now),
  });
}

/** The footer of a page. */
export function writtenOn(version: string, now: Date) {
  const time = now.toISOString().slice(0, 16).replace('T', ' ');
  return html`Trained with Pixelwise ${version}; written
    <time datetime="${now.toISOString()}">${time} UTC</time>.`;
}

/** Address of the animated film relative to the report; undefined if there is none. */
async function animationFrom(report: string, { path }: Run): Promise<string | undefined> {
  const file = join(path, 'film.webp');
  const there = await stat(file).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  return relative(dirname(report), file).split(sep).map(encodeURIComponent).join('/');
}
