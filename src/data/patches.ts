/**
 * Patches: windows at source scale that a model is trained on instead of whole images that are shrunk. Small objects
 * keep their size, and memory depends on the size of the patch, not on that of the images.
 *
 *   RandomPatches    for training: drawn again in every epoch, a third of them around rare classes
 *   CoveringPatches  for validation: the same in every epoch, side by side over the images
 */
import type { Box } from '../images/resize.js';
import { Random } from '../random/index.js';
import type { Dataset, Sample } from './dataset.js';
import type { DecodedSamples } from './decoded-samples.js';
import type { MaskIndex, Place } from './mask-index.js';
import { sampleWindow } from './padded-window.js';
import { spread } from './spread.js';
import { tileStarts } from './tile-starts.js';

export interface PatchSize {
  readonly height: number;
  readonly width: number;
}

/** Where patches are cut from: labelled images, the index of their masks, and their decoded pixels. */
export interface PatchSource {
  readonly dataset: Dataset;
  readonly index: MaskIndex;
  readonly decoded: DecodedSamples;
}

/** Share of the patches that are centred on a pixel of a rare class (Isensee et al., nnU-Net, 2021). */
const RARE_SHARE = 1 / 3;

/**
 * Most patches in an epoch, unless there are more images: an epoch should not be so long that a run has no
 * checkpoints and no validation.
 */
const MAX_PATCHES = 512;

/** What patches of any kind share: a data set whose samples are windows of another's. */
abstract class Patches implements Dataset {
  abstract readonly ids: readonly string[];

  constructor(
    protected readonly source: PatchSource,
    protected readonly size: PatchSize,
  ) {}

  get length(): number {
    return this.ids.length;
  }
  get format(): string {
    return this.source.dataset.format;
  }
  get classes(): readonly string[] {
    return this.source.dataset.classes;
  }
  get multiLabel(): boolean | undefined {
    return this.source.dataset.multiLabel;
  }
  get channels(): number {
    return this.source.dataset.channels;
  }
  get maxValue(): number {
    return this.source.dataset.maxValue;
  }

  abstract files(i: number): { readonly image: string; readonly mask: string };
  abstract get(i: number, epoch?: number): Promise<Sample>;

  /** Cuts a patch. An image that is smaller is padded at the right and the bottom. */
  protected async cut(
    image: number,
    windowOf: (size: PatchSize) => { x: number; y: number },
  ): Promise<Sample> {
    const { height, width } = this.size;
    const sample = await this.source.decoded.cut(image, (whole): Box => {
      const inside = { width: Math.min(width, whole.width), height: Math.min(height, whole.height) };
      return { ...windowOf(whole), ...inside };
    });
    return sampleWindow(sample, { x: 0, y: 0, ...this.size });
  }
}

/**
 * Patches at random places. In an epoch, each image gives as many as cover its area once, unless that is too many. A
 * third is moved to a place of a rare class: a class, then an image, then a place are drawn, each as likely as others.
 * The draws depend only on seed and epoch.
 */
export class RandomPatches extends Patches {
  readonly ids: readonly string[];
  /** Each image as often as patches cover it. */
  private readonly images: readonly number[];
  /** Of each rare class, the images in which it occurs. */
  private readonly rare: readonly { readonly index: number; readonly images: readonly number[] }[];
  private readonly drawn = new Map<number, readonly Draw[]>();

  constructor(
    source: PatchSource,
    size: PatchSize,
    private readonly seed: number,
  ) {
    super(source, size);
    const { dataset, index } = source;
    const numbers = Array.from({ length: dataset.length }, (_, i) => i);
    this.images = numbers.flatMap((i) => new Array<number>(patchesOf(index.sizeOf(i), size)).fill(i));
    const count = Math.min(this.images.length, Math.max(dataset.length, MAX_PATCHES));
    this.ids = Array.from({ length: count }, (_, k) => `patch ${k}`);
    this.rare = rareClasses(index).map((rare) => ({
      index: rare,
      images: numbers.filter((i) => index.counts[i]![rare]! > 0),
    }));
  }

  files(i: number): { readonly image: string; readonly mask: string } {
    return this.source.dataset.files(this.draws(0)[i]!.image);
  }

  get(i: number, epoch = 0): Promise<Sample> {
    const { image, centre, at } = this.draws(epoch)[i]!;
    return this.cut(image, (whole) => ({
      x: startOf(whole.width, this.size.width, centre?.x, at.x),
      y: startOf(whole.height, this.size.height, centre?.y, at.y),
    }));
  }

  private draws(epoch: number): readonly Draw[] {
    let draws = this.drawn.get(epoch);
    if (draws === undefined) {
      draws = this.draw(new Random(this.seed, 'patches', epoch));
      // The loader may still ask for patches of the epoch before.
      if (this.drawn.size > 1) this.drawn.delete(this.drawn.keys().next().value!);
      this.drawn.set(epoch, draws);
    }
    return draws;
  }

  private draw(random: Random): Draw[] {
    const { index } = this.source;
    const order = random.shuffle(Uint32Array.from(this.images));
    const oneOf = <T>(items: readonly T[]): T => items[random.integer(items.length)]!;
    return Array.from(this.ids, (_, k): Draw => {
      const at = { x: random.float(), y: random.float() };
      if (this.rare.length === 0 || !random.chance(RARE_SHARE)) return { image: order[k]!, at };
      const rare = oneOf(this.rare);
      const image = oneOf(rare.images);
      return { image, at, centre: oneOf(index.placesOf(image, rare.index)) };
    });
  }
}

/** A patch to cut: around `centre`, or anywhere, as `at` says from 0 (left, top) to 1 (right, bottom). */
interface Draw {
  readonly image: number;
  readonly at: Place;
  readonly centre?: Place;
}

/** How many patches have the area of an image; at least 1. */
export function patchesOf(image: PatchSize, patch: PatchSize): number {
  return Math.max(1, Math.round((image.width * image.height) / (patch.width * patch.height)));
}

/** Classes that have less than an equal share of the labelled pixels, but some. */
function rareClasses(index: MaskIndex): number[] {
  const totals = index.totals();
  const labelled = totals.reduce((sum, count) => sum + count, 0);
  return totals.flatMap((count, i) => (count > 0 && count < labelled / totals.length ? [i] : []));
}

/** Start of a window on one axis, inside the image: around `centre`, or at a share of what is possible. */
function startOf(whole: number, size: number, centre: number | undefined, at: number): number {
  const last = Math.max(0, whole - size);
  if (centre === undefined) return Math.min(last, Math.floor(at * (last + 1)));
  return Math.max(0, Math.min(last, Math.floor(centre * whole) - (size >> 1)));
}

/**
 * Patches that cover all images, the same in every epoch. Neighbours overlap only as far as an image's size demands.
 *
 * @param most at most this many of them, spread evenly.
 */
export class CoveringPatches extends Patches {
  readonly ids: readonly string[];
  private readonly windows: readonly { readonly image: number; readonly x: number; readonly y: number }[];

  constructor(source: PatchSource, size: PatchSize, most = Infinity) {
    super(source, size);
    const { dataset, index } = source;
    const all = Array.from({ length: dataset.length }, (_, image) => {
      const whole = index.sizeOf(image);
      const tops = tileStarts(whole.height, size.height, 0);
      const lefts = tileStarts(whole.width, size.width, 0);
      return tops.flatMap((y) => lefts.map((x) => ({ image, x, y })));
    }).flat();
    this.windows = spread(all.length, Math.min(most, all.length)).map((i) => all[i]!);
    this.ids = this.windows.map(({ image, x, y }) => `${dataset.ids[image]} at ${x},${y}`);
  }

  files(i: number): { readonly image: string; readonly mask: string } {
    return this.source.dataset.files(this.windows[i]!.image);
  }

  async get(i: number): Promise<Sample> {
    const { image, x, y } = this.windows[i]!;
    const { width, height } = this.source.index.sizeOf(image);
    const sample = await this.cut(image, (whole) => ({
      // A mask may be stored at another size than its image.
      x: Math.min(Math.round((x * whole.width) / width), Math.max(0, whole.width - this.size.width)),
      y: Math.min(Math.round((y * whole.height) / height), Math.max(0, whole.height - this.size.height)),
    }));
    return { ...sample, id: this.ids[i]! };
  }
}
