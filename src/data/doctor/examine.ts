/** Examines a data set before training. */
import { IGNORE_INDEX } from '../../images/raster.js';
import { hasClass, setOf } from '../../labels/label-set.js';
import { emptyMasks, findProblems, pixelsByClass } from './checks.js';
import { type DatasetFacts, type ExamineOptions, gatherFacts } from './facts.js';
import type { ClassShare, DoctorReport } from './report.js';

/**
 * Examines all files of a data set, or some with `sample`, as training does. Problems of the data are results; it throws
 * only other errors (a broken disk, an aborted signal).
 */
export async function examine(options: ExamineOptions): Promise<DoctorReport> {
  const facts = await gatherFacts(options);
  const problems = findProblems(facts);
  const empty = emptyMasks(facts).length;
  const pixels = pixelsByClass(facts.facts);
  const all = [...pixels.values()].reduce((sum, count) => sum + count, 0);
  const ignored = pixels.get(IGNORE_INDEX) ?? 0;
  return {
    ok: problems.every(({ level }) => level !== 'error'),
    format: facts.format,
    pairing: facts.dataset?.pairing ?? '',
    pairs: facts.pairs,
    examined: facts.facts.length,
    unlabelled: facts.dataset?.unlabelled?.length ?? 0,
    problems,
    classes: classShares(facts, pixels),
    sizes: imageSizes(facts),
    ignored: { pixels: ignored, share: all === 0 ? 0 : ignored / all },
    emptyMasks: { count: empty, share: facts.facts.length === 0 ? 0 : empty / facts.facts.length },
  };
}

function classShares({ dataset, facts }: DatasetFacts, pixels: ReadonlyMap<number, number>): ClassShare[] {
  if (dataset === undefined) return [];
  const { multiLabel, classes: names } = dataset;
  const binary = dataset.maskValues === 'zero-or-full';
  const holds = (value: number, index: number) =>
    value !== IGNORE_INDEX && (multiLabel === true ? hasClass(value, index) : value === index);
  return names.map((name, index) => ({
    value: multiLabel === true ? setOf(index) : binary && index === 1 ? 255 : index,
    name,
    pixels: [...pixels].reduce((sum, [value, count]) => sum + (holds(value, index) ? count : 0), 0),
    images: facts.filter(({ classes }) => [...(classes?.keys() ?? [])].some((value) => holds(value, index)))
      .length,
  }));
}

function imageSizes({ facts }: DatasetFacts): DoctorReport['sizes'] {
  const counts = new Map<string, { width: number; height: number; images: number }>();
  for (const { info } of facts) {
    if (info === undefined) continue;
    const key = `${info.width}x${info.height}`;
    const entry = counts.get(key) ?? { width: info.width, height: info.height, images: 0 };
    entry.images++;
    counts.set(key, entry);
  }
  return [...counts.values()].sort((a, b) => b.images - a.images);
}
