/**
 * The checks: each reads the facts and reports problems. To add one, write a function and add it to the table at the
 * end.
 */
import { PixelwiseError } from '../../errors/index.js';
import { IGNORE_INDEX } from '../../images/raster.js';
import { hasClass, maskValueName } from '../../labels/label-set.js';
import { listValues } from '../class-values.js';
import { LISTED_INDICES } from '../mask-meaning.js';
import { sameShape } from '../sample-reading.js';
import { splitDataset } from '../splits.js';
import { findConvention, isSmeared } from './conventions.js';
import type { DatasetFacts, PairFacts } from './facts.js';
import { findSamePictures } from './fingerprint.js';
import { groupProblems, type Observation, type Problem, type Level } from './report.js';

export type Check = (facts: DatasetFacts) => Observation[];

function problem(level: Level, code: string, file: string, message: string, fix: string): Observation {
  // A report names the file in front of the message.
  const named = `${file}: `;
  return {
    level,
    code,
    file,
    message: message.startsWith(named) ? message.slice(named.length) : message,
    fix,
  };
}

const REPLACE = 'Replace the file or remove the pair.';

/** A problem that an error of reading tells of. What follows its first sentence is its advice. */
function ofError({ code, message }: PixelwiseError, file: string, fix = REPLACE): Observation {
  const { cause = message, advice = fix } =
    /^(?<cause>.*?\.) (?<advice>[A-Z].*)$/s.exec(message)?.groups ?? {};
  return problem('error', code, file, cause, advice);
}

/** `data`…: the data set cannot be opened, and no single file explains why. */
const opening: Check = ({ openError, root, facts }) => {
  const explained =
    facts.some(({ imageError, maskError }) =>
      [imageError, maskError].some((error) => error !== undefined && error.code === openError?.code),
    ) ||
    (openError?.code === 'mask-values' && facts.some(isSmeared));
  if (openError === undefined || explained) return [];
  // The error may be about a file of the set.
  const [named = ''] = openError.message.split(': ', 1);
  const file = named.startsWith(root) ? named : root;
  return [ofError(openError, file, '')];
};

/** Too few samples to train on and to validate with. */
const parts: Check = ({ dataset, root }) => {
  if (dataset === undefined) return [];
  try {
    splitDataset(dataset);
    return [];
  } catch (error) {
    if (!(error instanceof PixelwiseError)) throw error;
    return [
      problem(
        'error',
        error.code,
        root,
        error.message,
        'Add labelled images, or train on all of them with --val 0.',
      ),
    ];
  }
};

/** The codes of decoding (`image-damaged`, `image-empty`, `image-too-large`, `mask-colours`…). */
const unreadable: Check = ({ facts }) =>
  facts.flatMap(({ pair, imageError, maskError, sampleError }) => {
    const found: Observation[] = [];
    if (imageError !== undefined) found.push(ofError(imageError, pair.image));
    if (maskError !== undefined) found.push(ofError(maskError, pair.mask));
    if (found.length === 0 && sampleError !== undefined && !SAID_ELSEWHERE.includes(sampleError.code)) {
      found.push(ofError(sampleError, sampleError.message.startsWith(pair.image) ? pair.image : pair.mask));
    }
    return found;
  });

/** Codes that other checks explain better. */
const SAID_ELSEWHERE: readonly string[] = ['size-mismatch', 'mask-values'];

/**
 * `size-mismatch`; `size-mismatch-scaled` if the aspect ratio is the same, so the mask can be resized; and
 * `exif-rotation` if the mask has the size of the image before its EXIF rotation.
 */
const sizes: Check = ({ facts }) =>
  facts.flatMap(({ pair, info, mask, sampleError }) => {
    if (info === undefined || (sampleError !== undefined && sampleError.code !== 'size-mismatch')) return [];
    if (sampleError !== undefined && mask === undefined) {
      return [problem('error', 'size-mismatch', pair.mask, sampleError.message, '')];
    }
    if (mask === undefined || (info.width === mask.width && info.height === mask.height)) return [];
    // Training can read it: the mask is resized or cropped, as a note of opening the set says.
    if (sampleError === undefined && facts.some(({ classes }) => classes !== undefined)) return [];
    const both = `The mask is ${mask.width}×${mask.height}, its image ${info.width}×${info.height}`;
    if (info.orientation > 4 && info.height === mask.width && info.width === mask.height) {
      return [
        problem(
          'error',
          'exif-rotation',
          pair.image,
          `${both}: the image is turned by its EXIF orientation (${info.orientation}), the mask is not.`,
          'Turn the mask too, or remove the EXIF orientation from the image without turning its pixels.',
        ),
      ];
    }
    if (sameShape(info, mask)) {
      return [
        problem(
          'error',
          'size-mismatch-scaled',
          pair.mask,
          `${both}, of the same shape.`,
          'Leave --strict out to have such masks resized (nearest), or export them at the size of the image.',
        ),
      ];
    }
    return [
      problem(
        'error',
        'size-mismatch',
        pair.mask,
        `${both}.`,
        'Export the mask at the size of its image, or remove the pair.',
      ),
    ];
  });

/** `exif-orientation`: programs that ignore EXIF display the image turned, and the mask may have been drawn on that. */
const orientation: Check = ({ facts }) =>
  facts.flatMap(({ pair, info, mask }) => {
    if (info === undefined || info.orientation === 1) return [];
    if (mask !== undefined && (mask.width !== info.width || mask.height !== info.height)) return [];
    return [
      problem(
        'warning',
        'exif-orientation',
        pair.image,
        `The image has the EXIF orientation ${info.orientation} and is turned by it; its mask may have been drawn on the unturned picture.`,
        'Look at the contact sheet; if they do not match, turn the mask.',
      ),
    ];
  });

/** `mask-lossy`: values near the real ones, produced by JPEG. */
const smeared: Check = ({ facts }) =>
  facts
    .filter((fact) => isSmeared(fact) && fact.classes === undefined)
    .map(({ pair, mask }) => {
      const [first, second] = [...mask!.counts].sort((a, b) => b[1] - a[1]);
      const real = second === undefined ? `${first![0]}` : `${first![0]} and ${second[0]}`;
      return problem(
        'error',
        'mask-lossy',
        pair.mask,
        `The mask holds ${mask!.counts.size} different values around ${real}: it was saved as JPEG, which smears them.`,
        'Export masks as PNG from the labelling tool; or round each value to the nearest real one and save as PNG.',
      );
    });

/**
 * `mask-values-mixed`: 0/1 in a set of 0/255 or vice versa; `mask-values`: values that are not a class;
 * `labels-from-one`: no mask contains 0.
 */
const values: Check = (all) => {
  const { facts, root, given, dataset } = all;
  const listed = dataset?.findings?.some(({ code }) => code === LISTED_INDICES) ?? false;
  const convention = listed
    ? ({ kind: 'index', values: new Set(dataset!.classes.keys()) } as const)
    : findConvention(all);
  if (convention === undefined) return [];
  const problems: Observation[] = [];
  const seen = new Set<number>();
  for (const fact of facts) {
    if (fact.mask === undefined || isSmeared(fact)) continue;
    const held = [...fact.mask.counts.keys()].filter((value) => value !== 0);
    for (const value of fact.mask.counts.keys()) seen.add(value);
    const odd = held.filter(
      (value) => !convention.values.has(value) && !(convention.kind === 'index' && value === IGNORE_INDEX),
    );
    const only = (value: number): boolean => held.length > 0 && held.every((other) => other === value);
    if (
      !listed &&
      convention.kind === 'index' &&
      convention.values.size <= 2 &&
      only(IGNORE_INDEX) &&
      fact.classes?.has(1) !== true
    ) {
      problems.push(
        problem(
          'error',
          'mask-values-mixed',
          fact.pair.mask,
          'This mask holds 0 and 255, most others 0 and 1: its object would be ignored.',
          'Divide it by 255.',
        ),
      );
    } else if (
      convention.kind === 'full' &&
      only(1) &&
      (dataset?.maskValues !== 'zero-or-full' || fact.sampleError !== undefined)
    ) {
      problems.push(
        problem(
          'error',
          'mask-values-mixed',
          fact.pair.mask,
          `This mask holds 0 and 1, most others 0 and ${Math.max(...convention.values)}.`,
          `Multiply it by ${Math.max(...convention.values)}.`,
        ),
      );
    } else if (
      fact.sampleError?.code === 'mask-values' ||
      // A separate class that occurs in few masks is more likely a mistake.
      (odd.length > 0 && convention.kind === 'index' && dataset?.maskValues === 'indices')
    ) {
      problems.push(
        problem(
          'error',
          'mask-values',
          fact.pair.mask,
          `The mask holds ${listValues(new Set(odd.length > 0 ? odd : held))}, outside the classes ${listValues(convention.values)}.`,
          `Correct the mask; if ${odd.length === 1 ? 'it is a class' : 'they are classes'}, name all classes with --classes.`,
        ),
      );
    }
  }
  const lowest = Math.min(...seen);
  if (convention.kind === 'index' && lowest === 1 && given === undefined && !listed) {
    problems.push(
      problem(
        'warning',
        'labels-from-one',
        root,
        `No mask holds 0: the labels start at 1 (${listValues(seen)}), so class 0 would stay empty.`,
        'Subtract 1 from all masks, or name an unused first class with --classes.',
      ),
    );
  }
  return problems;
};

/** `mask-palette-mixed`: a few masks with a palette among grey ones, or vice versa. */
const palettes: Check = ({ facts }) => {
  const read = facts.filter(({ mask }) => mask?.format === 'png');
  const withPalette = read.filter(({ mask }) => mask!.palette !== undefined);
  const few =
    withPalette.length * 2 <= read.length
      ? withPalette
      : read.filter(({ mask }) => mask!.palette === undefined);
  return (few.length === read.length ? [] : few).map(({ pair, mask }) =>
    mask!.palette === undefined
      ? problem(
          'warning',
          'mask-palette-mixed',
          pair.mask,
          `This mask stores grey levels (${listValues(new Set(mask!.counts.keys()))}), most others palette indices.`,
          'Check that its values are the same indices; save all masks in one way.',
        )
      : problem(
          'warning',
          'mask-palette-mixed',
          pair.mask,
          `This mask stores palette indices (${listValues(new Set(mask!.counts.keys()))}), most others grey levels.`,
          'Check that its indices are the same values; save all masks in one way.',
        ),
  );
};

/** Above this share, empty masks are normal for the set (lesions, defects) and are not reported. */
const EMPTY_BY_NATURE = 1 / 3;

/** Masks with nothing but the first class or ignored pixels. */
export function emptyMasks({ facts }: DatasetFacts): PairFacts[] {
  return facts.filter(
    ({ classes }) =>
      classes?.has(0) === true && [...classes.keys()].every((value) => value === 0 || value === IGNORE_INDEX),
  );
}

/** `mask-empty`: a mask without an object, if most masks have one. */
const empty: Check = (all) => {
  const found = emptyMasks(all);
  const share = found.length / Math.max(1, all.facts.length);
  if (found.length === 0 || share > EMPTY_BY_NATURE) return [];
  const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
  return found.map(({ pair }) =>
    problem(
      'warning',
      'mask-empty',
      pair.mask,
      `The mask is empty: nothing but the first class (${percent} of the masks).`,
      'If something should be marked, label it; else leave it as it is.',
    ),
  );
};

/** `class-absent`: a class that is in no mask, among the given classes or those of the data set. */
const absent: Check = ({ facts, dataset, root, thorough, held, given }) => {
  if (dataset === undefined || !thorough || held.size < 2 || facts.some(({ classes }) => !classes)) return [];
  const { multiLabel } = dataset;
  const has = (k: number) =>
    multiLabel === true
      ? [...held].some((set) => set !== IGNORE_INDEX && hasClass(set, k))
      : held.has(k) || k === 0;
  return dataset.classes.flatMap((name, value) =>
    has(value) || (given === undefined && /^class \d+$/.test(name))
      ? []
      : [
          problem(
            'warning',
            'class-absent',
            root,
            `No mask holds class ${value} (${name}).`,
            'Add images that show it, or leave it out of the list of classes.',
          ),
        ],
  );
};

/** From this share, one class is nearly everything. */
const NEARLY_ALL = 0.9999;
/** From this share of ignored pixels, there is almost nothing to learn from. */
const NEARLY_ALL_IGNORED = 0.99;

/**
 * `one-class`, `all-ignored`: (almost) all pixels are of one class, or ignored. A model would learn nothing and score
 * perfectly.
 */
const oneClass: Check = ({ facts, dataset, root, held }) => {
  if (dataset === undefined || held.size === 0) return [];
  const pixels = pixelsByClass(facts);
  const all = [...pixels.values()].reduce((sum, count) => sum + count, 0);
  const [ignored, labelled] = [pixels.get(IGNORE_INDEX) ?? 0, all - (pixels.get(IGNORE_INDEX) ?? 0)];
  if (labelled === 0 || ignored >= NEARLY_ALL_IGNORED * all) {
    if (labelled === 0 && held.size > 1) return [];
    return [
      problem(
        'error',
        'all-ignored',
        root,
        `${percent(ignored / all)} of the pixels are ignored (mask value 255): there is nothing to learn from.`,
        'If 255 marks the object, give --classes with two names; else export the masks again.',
      ),
    ];
  }
  const [value, count] = [...pixels]
    .filter(([index]) => index !== IGNORE_INDEX)
    .reduce((a, b) => (b[1] > a[1] ? b : a));
  const classesHeld = [...held].filter((index) => index !== IGNORE_INDEX);
  if (classesHeld.length > 1 && count < NEARLY_ALL * labelled) return [];
  const name = maskValueName(dataset, value);
  const others = dataset.classes
    .filter((other) => other !== name)
    .slice(0, 4)
    .join(', ');
  return [
    problem(
      'error',
      'one-class',
      root,
      `${percent(count / labelled)} of the pixels that count are of one class, "${name}"; of ${others} there is ` +
        `${classesHeld.length > 1 ? 'nearly nothing' : 'nothing'}. Every prediction of "${name}" would score perfectly.`,
      dataset.reading?.(0)?.maskReading === undefined
        ? 'Check that the export has outlines and that they belong to these images.'
        : 'Check that the masks hold the objects (not in the alpha channel, not in another folder), and the names in the class list.',
    ),
  ];
};

/** 99.996% is not 100%. */
const percent = (share: number): string => `${share === 1 ? 100 : Math.floor(share * 1e5) / 1e3}%`;

/** Pixels by class in the examined samples. */
export function pixelsByClass(facts: readonly PairFacts[]): Map<number, number> {
  const pixels = new Map<number, number>();
  for (const { classes } of facts) {
    for (const [value, count] of classes ?? []) pixels.set(value, (pixels.get(value) ?? 0) + count);
  }
  return pixels;
}

/**
 * `duplicate`, `near-duplicate`: the same picture twice; with `-across-splits` if they are in different official
 * parts, which makes scores too good.
 */
const duplicates: Check = ({ facts }) => {
  const first = new Map<string, PairFacts>();
  const problems: Observation[] = [];
  const exact = new Set<number>();
  const report = (kind: string, earlier: PairFacts, later: PairFacts, how: string): void => {
    const [one, other] = [earlier.pair.split ?? 'no part', later.pair.split ?? 'no part'];
    const across = one !== other;
    problems.push(
      problem(
        'warning',
        across ? `${kind}-across-splits` : kind,
        later.pair.image,
        `${how} ${earlier.pair.image}${across ? `, which is in ${one}, while this is in ${other}` : ''}.`,
        across
          ? 'Keep it in one part only: a score on what was trained on is too good.'
          : 'Remove one of them, or give both one group so that they stay in one part.',
      ),
    );
  };
  facts.forEach((fact, i) => {
    if (fact.digest === undefined) return;
    const earlier = first.get(fact.digest);
    if (earlier === undefined) first.set(fact.digest, fact);
    // Slices of one file have the same bytes.
    else if (earlier.pair.image !== fact.pair.image) {
      exact.add(i);
      report('duplicate', earlier, fact, 'The same file as');
    }
  });
  // Neighbouring slices and frames of a group look alike, and a group is always in one part.
  const looked = facts.map((fact, i) => (exact.has(i) ? undefined : fact.fingerprint));
  for (const [a, b] of findSamePictures(looked)) {
    const [earlier, later] = [facts[a]!, facts[b]!];
    if (earlier.pair.image === later.pair.image) continue;
    if (earlier.pair.group !== undefined && earlier.pair.group === later.pair.group) continue;
    report('near-duplicate', earlier, later, 'The same picture, resized or saved again, as');
  }
  return problems;
};

/** `group-leak`: a group (patient, car) with samples in several official parts. */
const leaks: Check = ({ facts }) => {
  const parts = new Map<string, Map<string, string>>();
  for (const { pair } of facts) {
    if (pair.group === undefined || pair.split === undefined) continue;
    const bySplit = parts.get(pair.group) ?? new Map<string, string>();
    if (!bySplit.has(pair.split)) bySplit.set(pair.split, pair.image);
    parts.set(pair.group, bySplit);
  }
  return [...parts].flatMap(([group, bySplit]) => {
    if (bySplit.size < 2) return [];
    const [, ...others] = [...bySplit];
    return others.map(([, file]) =>
      problem(
        'error',
        'group-leak',
        file,
        `The group "${group}" is in several parts (${[...bySplit.keys()].join(', ')}): scores would be too good.`,
        'Move all of the group to one part.',
      ),
    );
  });
};

/** `object-pieces`: a number whose pixels are in several pieces may stand for several objects. */
const objectPieces: Check = ({ facts }) =>
  facts.flatMap(({ pair, inPieces = [] }) => {
    const [first] = inPieces;
    if (first === undefined) return [];
    const others = inPieces.length > 1 ? ` (and ${inPieces.length - 1} more numbers in several)` : '';
    return [
      problem(
        'warning',
        'object-pieces',
        pair.mask,
        `The pixels of object ${first.number} are in ${first.pieces} pieces that do not touch${others}. They are learned and counted as one object.`,
        'If they are several objects, give each a number of its own; if another object covers the middle, leave them.',
      ),
    ];
  });

/** Share of the set that must agree before the others are reported. */
const MAJORITY = 0.9;

/** `size-odd`, `channels-odd`, `depth-odd`: an image that differs from nearly all others. */
const oddOnes: Check = ({ facts }) => {
  const seen = facts.filter(({ info }) => info !== undefined);
  const aspects: [code: string, what: string, of: (fact: PairFacts) => string][] = [
    ['size-odd', 'size', ({ info }) => `${info!.width}×${info!.height}`],
    ['channels-odd', 'number of channels', ({ info }) => `${info!.channels}`],
    ['depth-odd', 'largest value', ({ info }) => `${info!.maxValue}`],
  ];
  return aspects.flatMap(([code, what, of]) => {
    const counts = new Map<string, number>();
    for (const fact of seen) counts.set(of(fact), (counts.get(of(fact)) ?? 0) + 1);
    const [common] = [...counts].sort((a, b) => b[1] - a[1]);
    if (common === undefined || counts.size === 1 || common[1] < MAJORITY * seen.length) return [];
    return seen
      .filter((fact) => of(fact) !== common[0])
      .map((fact) =>
        problem(
          'warning',
          code,
          fact.pair.image,
          `Its ${what} is ${of(fact)}, that of nearly all others ${common[0]}.`,
          'Check that it belongs here and was exported like the others.',
        ),
      );
  });
};

/** All checks, in the order in which problems are listed. */
const CHECKS: readonly Check[] = [
  opening,
  unreadable,
  parts,
  oneClass,
  sizes,
  orientation,
  smeared,
  values,
  palettes,
  empty,
  absent,
  objectPieces,
  duplicates,
  leaks,
  oddOnes,
];

/** Problems that are consequences of another one and are not reported with it. */
const CONSEQUENCES: Readonly<Record<string, readonly string[]>> = {
  'group-leak': ['split'],
  'mask-values-mixed': ['one-class', 'all-ignored', 'mask-empty'],
};

/** The observations of all checks. */
export function observe(facts: DatasetFacts): Observation[] {
  return CHECKS.flatMap((check) => check(facts));
}

/** All problems, grouped by kind: first those of single files and of the set, then those found while opening it. */
export function findProblems(facts: DatasetFacts): Problem[] {
  const grouped = groupProblems(observe(facts));
  const found = grouped.filter(
    ({ code }) => !grouped.some((other) => CONSEQUENCES[other.code]?.includes(code)),
  );
  const codes = new Set(found.map(({ code }) => code));
  const opened = (facts.dataset?.findings ?? []).flatMap(({ level, ...rest }): Problem[] =>
    level === 'note' || codes.has(rest.code) ? [] : [{ level, ...rest }],
  );
  return [...found, ...opened];
}
