/** The examination of a data set, before an epoch is spent on it. */
import { IGNORE_INDEX } from '../../images/raster.js';
import { CHECKS, emptyMasks } from './checks.js';
import { findConvention } from './conventions.js';
import { type DatasetFacts, type ExamineOptions, gatherFacts } from './facts.js';
import type { ClassShare, DoctorReport } from './report.js';

/**
 * Examines all files of a data set, or (with `sample`) headers and masks of some: the cheap part, which training
 * does by itself. Throws only what is no finding (a broken disk, an aborted signal).
 */
export async function examine(options: ExamineOptions): Promise<DoctorReport> {
  const facts = await gatherFacts(options);
  const problems = CHECKS.flatMap((check) => check(facts));
  const empty = emptyMasks(facts).length;
  return {
    ok: problems.every(({ level }) => level !== 'error'),
    format: facts.format,
    pairs: facts.pairs,
    examined: facts.facts.length,
    unlabelled: facts.unlabelled.length,
    problems,
    classes: classShares(facts),
    sizes: imageSizes(facts),
    emptyMasks: { count: empty, share: facts.facts.length === 0 ? 0 : empty / facts.facts.length },
  };
}

function classShares(facts: DatasetFacts): ClassShare[] {
  const convention = findConvention(facts);
  const pixels = new Map<number, number>();
  const images = new Map<number, number>();
  for (const { mask } of facts.facts) {
    for (const [value, count] of mask?.counts ?? []) {
      pixels.set(value, (pixels.get(value) ?? 0) + count);
      images.set(value, (images.get(value) ?? 0) + 1);
    }
  }
  const named = facts.classes?.map((_, value) => value) ?? [];
  const values =
    convention?.kind === 'full'
      ? [...convention.values]
      : [...new Set([...(convention?.values ?? []), ...named])];
  return values
    .filter((value) => value !== IGNORE_INDEX || convention?.kind === 'full')
    .sort((a, b) => a - b)
    .map((value, index) => ({
      value,
      name:
        facts.classes?.[convention?.kind === 'full' ? index : value] ??
        nameOf(value, index, convention?.kind === 'full'),
      pixels: pixels.get(value) ?? 0,
      images: images.get(value) ?? 0,
    }));
}

function nameOf(value: number, index: number, binary: boolean): string {
  return binary ? ['background', 'foreground'][index]! : `class ${value}`;
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
