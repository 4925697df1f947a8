/**
 * A project without a server: the images are in a folder that the user opened, the labels in the browser's storage, and
 * the learner in a worker. Nothing leaves the machine.
 */
import { zip } from 'fflate';
import type { DeviceChoice } from '../../src/browser/device.js';
import { MASKS_FOLDER, projectImages, type ProjectImage } from '../../src/data/project-images.js';
import { byCodePoint } from '../../src/data/paths.js';
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import type { LabelPlane } from '../../src/labels/drawing.js';
import { paintStroke, type Stroke } from '../../src/labels/stroke.js';
import { HttpError } from '../../src/serve/http-error.js';
import { NOTHING_LEARNED, type Prediction } from '../../src/studio/learning.js';
import { heldOutOf, MOST_PIXELS, namedClasses, stateOf } from '../../src/studio/project-rules.js';
import type {
  Exported,
  ImageFacts,
  ProjectClass,
  StudioProject,
  TrainingStatus,
} from '../../src/studio/protocol.js';
import { indexedPng } from '../indexed-png.js';
import { type Backend, BackendError, type Bytes, PAGE_ID, type ShownImage } from './backend.js';
import { rgb } from './look.js';
import { PageLearner } from './page-learner.js';
import { PageStore } from './page-store.js';
import type { RasterClient } from './rasters.js';

/** A folder that the user opened. */
export interface OpenedFolder {
  readonly name: string;
  /** By path below the folder, with `/` between folders. */
  readonly files: ReadonlyMap<string, File>;
}

/** Formats that browsers decode; `pixelwise studio` reads more. */
const READABLE = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
const OTHER_IMAGES = /\.(tiff?|pgm|ppm|pnm)$/i;

interface PageImage extends ProjectImage {
  readonly file: File;
  readonly heldOut: boolean;
  problem: string | undefined;
  done: boolean;
  plane: LabelPlane | undefined;
  /** Counts the changes; the version of the labels. */
  changes: number;
  /** Pixels of each class. */
  pixels: readonly number[];
  /** A change that is not stored yet, and the storing of an earlier one. */
  waiting: Promise<void> | undefined;
  storing: Promise<void>;
}

const GREYS = Array.from({ length: 256 }, (_, k) => [k, k, k]);

export class PageBackend implements Backend {
  private name = '';
  private classes: readonly ProjectClass[] = [];
  private images: readonly PageImage[] = [];
  private store: PageStore | undefined;
  private learner: PageLearner | undefined;
  private status = NOTHING_LEARNED;
  private trouble: string | null = null;
  /** The latest prediction: its uncertainty may be asked for next. */
  private latest: { readonly id: string; readonly found: Prediction } | undefined;
  /** Folders that this page has opened, or tried to. */
  private readonly claimed = new Set<string>();
  private listeners: Parameters<Backend['listen']>[0] | undefined;

  /**
   * @param planes decodes PNGs of labels. @param base address of the page; ONNX Runtime's files are in `ort/` beside it.
   * @param device that learns. @param download lets the user download a file.
   */
  constructor(
    private readonly planes: Pick<RasterClient, 'ask'>,
    private readonly base: string,
    private readonly device: DeviceChoice,
    private readonly download: (name: string, file: Blob) => void,
  ) {}

  /** Opens a folder, with what is stored of it. @throws Error if it has no images, or another page has it open. */
  async open({ name, files }: OpenedFolder): Promise<void> {
    const found = projectImages([...files.keys()], (file) => READABLE.test(file) || OTHER_IMAGES.test(file));
    if (found.length === 0) {
      throw new Error(`${name} holds no images. Choose a folder of PNG, JPEG or WebP files.`);
    }
    await this.claim(name);
    this.store = await PageStore.open();
    const stored = await this.store.project(name);
    const known = new Set(stored?.images);
    const held = heldOutOf(
      found.map(({ id }) => id),
      stored?.heldOut,
      (id) => known.has(id),
    );
    this.name = name;
    this.classes = stored?.classes ?? [];
    this.images = found.map((image) => ({
      ...image,
      file: files.get(image.image)!,
      heldOut: held.has(image.id),
      problem: OTHER_IMAGES.test(image.image)
        ? `Browsers do not read this format. Save ${image.id} as PNG, or use "pixelwise studio" on this machine.`
        : undefined,
      done: stored?.done.includes(image.id) ?? false,
      plane: undefined,
      changes: 0,
      pixels: [],
      waiting: undefined,
      storing: Promise.resolve(),
    }));
    for (const image of this.images) {
      const labels = await this.store.labels(name, image.id);
      if (labels) this.take(image, labels);
    }
    this.learner = new PageLearner(
      this.classes.map((each) => each.name),
      new Map(this.images.map(({ id, file }) => [id, file])),
      new URL('ort/', this.base).href,
      this.device,
      {
        event: (event) => {
          if (event.kind === 'training') {
            this.status = event.status;
            this.listeners?.training(event.status);
          } else this.listeners?.prediction({ step: event.step });
        },
        download: this.download,
        end: (reason) => {
          this.status = { ...this.status, activity: 'stopped', problem: reason };
          this.listeners?.training(this.status);
        },
      },
    );
    document.body.dataset['device'] = await this.learner.ready;
    for (const image of this.images) this.learn(image);
  }

  project(): Promise<StudioProject> {
    return Promise.resolve({
      project: this.name,
      classes: this.classes,
      images: this.images.map(factsOf),
      training: this.status,
      trouble: this.trouble,
    });
  }

  async setClasses(given: readonly { name: string; colour?: string }[]) {
    const before = this.classes.length;
    try {
      this.classes = namedClasses(given, this.classes, (index) =>
        this.images.filter(({ pixels }) => (pixels[index] ?? 0) > 0).map(({ id }) => id),
      );
    } catch (error) {
      throw error instanceof HttpError ? new BackendError(error.status, error.code, error.message) : error;
    }
    this.learner?.setClasses(this.classes.map(({ name }) => name));
    // Learning starts again.
    if (this.classes.length !== before) for (const image of this.images) this.learn(image);
    await this.storeProject();
    return { classes: this.classes };
  }

  image(id: string): Promise<ShownImage> {
    const { file, problem } = this.find(id);
    if (problem !== undefined) return Promise.reject(new BackendError(422, 'image-unusable', problem));
    return Promise.resolve({ file, window: undefined });
  }

  async labels(id: string) {
    const image = this.find(id);
    const { data, width, height } = await this.planeOf(image);
    this.learner?.opened({ id, file: id, width, height });
    const some = image.pixels.some((count) => count > 0);
    const png = some ? await bytesOf(indexedPng(data, width, height, GREYS)) : undefined;
    return { png, etag: tagOf(image) };
  }

  async putLabels(id: string, png: Blob): Promise<string> {
    const image = this.find(id);
    const plane = await this.planeOf(image);
    const given = await this.planes.ask({ kind: 'plane', png: await bytesOf(png) });
    plane.data.set(given.data);
    return this.changed(image);
  }

  async sendStroke(id: string, stroke: Stroke): Promise<string> {
    const image = this.find(id);
    const { data, width, height } = await this.planeOf(image);
    paintStroke(data, width, height, stroke);
    return this.changed(image);
  }

  async setDone(id: string, done: boolean): Promise<ImageFacts> {
    const image = this.find(id);
    image.done = done;
    await this.storeProject();
    return factsOf(image);
  }

  async prediction(id: string, what: 'classes' | 'uncertainty', _signal: AbortSignal, step?: number) {
    const image = this.find(id);
    const { width, height } = await this.planeOf(image);
    const { latest } = this;
    const known = latest?.id === id && latest.found.step === step ? latest.found : undefined;
    const found = known ?? (await this.learner!.predict({ id, file: id, width, height }));
    if (!found) return undefined;
    this.latest = { id, found };
    return { png: await bytesOf(indexedPng(found[what], width, height, GREYS)), step: found.step };
  }

  training(): Promise<TrainingStatus> {
    return Promise.resolve(this.status);
  }

  /** `run`: an archive of masks and `pixelwise.json`, which `pixelwise train --data` reads beside the images. */
  async save(to: 'run' | 'onnx'): Promise<Exported> {
    if (to === 'onnx') return this.learner!.exportOnnx();
    const palette = Array.from({ length: 256 }, (_, k) => rgb(this.classes[k]?.colour ?? '#e0e0e0'));
    const files: Record<string, Uint8Array> = {};
    for (const { mask, plane, pixels } of this.images) {
      if (plane === undefined || !pixels.some((count) => count > 0)) continue;
      files[mask] = await bytesOf(indexedPng(plane.data, plane.width, plane.height, palette));
    }
    files['pixelwise.json'] = new TextEncoder().encode(JSON.stringify(this.description(), null, 2));
    const packed = await new Promise<Uint8Array>((resolve, reject) =>
      // PNGs are compressed already.
      zip(files, { level: 0 }, (error, data) => (error ? reject(error) : resolve(data))),
    );
    const path = `${this.name}-masks.zip`;
    this.download(path, new Blob([packed as Bytes], { type: 'application/zip' }));
    return { to, path };
  }

  listen(listeners: Parameters<Backend['listen']>[0]): void {
    this.listeners = listeners;
    listeners.connection(true);
  }

  /** The content of `pixelwise.json`. */
  private description() {
    return {
      version: 1,
      classes: this.classes,
      masks: { folder: MASKS_FOLDER, values: 'indices', unlabelled: IGNORE_INDEX },
      heldOut: this.images.filter(({ heldOut }) => heldOut).map(({ id }) => id),
      images: Object.fromEntries(
        this.images.map(({ id, done, pixels }) => [id, { ...(done && { done }), pixels: [...pixels] }]),
      ),
    };
  }

  /** Lets no other page of this browser open the same folder. */
  private claim(name: string): Promise<void> {
    if (this.claimed.has(name)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      void navigator.locks.request(`pixelwise-studio ${name}`, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          reject(new Error(`${name} is open in another tab. Close it there, or work there.`));
          return undefined;
        }
        this.claimed.add(name);
        resolve();
        // Held until the page is closed.
        return new Promise(() => undefined);
      });
    });
  }

  private find(id: string): PageImage {
    const image = this.images.find((each) => each.id === id);
    if (image) return image;
    throw new BackendError(404, 'not-found', `There is no image ${id}.`);
  }

  /** The labels, all without a class for an image that is new. */
  private async planeOf(image: PageImage): Promise<LabelPlane> {
    if (image.plane) return image.plane;
    let size: { readonly width: number; readonly height: number };
    try {
      const bitmap = await createImageBitmap(image.file);
      size = { width: bitmap.width, height: bitmap.height };
      bitmap.close();
    } catch {
      image.problem = `${image.id} cannot be decoded: it is damaged, or of a format that this browser does not read.`;
      this.tell(image, null);
      throw new BackendError(422, 'image-unusable', image.problem);
    }
    const { width, height } = size;
    if (width * height > MOST_PIXELS) {
      image.problem = `${image.id} has ${width}×${height} pixels; the studio takes up to ${MOST_PIXELS / 1e6} million. Cut it into tiles.`;
      this.tell(image, null);
      throw new BackendError(422, 'image-unusable', image.problem);
    }
    image.plane ??= { width, height, data: new Uint8Array(width * height).fill(IGNORE_INDEX) };
    return image.plane;
  }

  private take(image: PageImage, plane: LabelPlane): void {
    image.plane = plane;
    this.count(image);
  }

  private count(image: PageImage): void {
    const counts = new Array<number>(this.classes.length).fill(0);
    for (const label of image.plane!.data) if (label < counts.length) counts[label]!++;
    image.pixels = counts;
  }

  /** Counts, learns and stores new labels. Resolves with their version when they are stored. */
  private async changed(image: PageImage): Promise<string> {
    image.changes++;
    image.done = false;
    const tag = tagOf(image);
    this.count(image);
    this.learn(image);
    this.tell(image, tag);
    try {
      await this.stored(image);
      this.setTrouble(null);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.setTrouble(`The browser cannot store the labels (${reason}).`);
      throw new BackendError(507, 'storage', `The browser cannot store the labels: ${reason}`);
    }
    return tag;
  }

  /** Stores the labels; of changes that come while others are being stored, all at once. */
  private stored(image: PageImage): Promise<void> {
    image.waiting ??= image.storing
      .catch(() => undefined)
      .then(() => {
        image.waiting = undefined;
        image.storing = Promise.all([
          this.store!.putLabels(this.name, image.id, image.plane!),
          this.storeProject(),
        ]).then(() => undefined);
        return image.storing;
      });
    return image.waiting;
  }

  private storeProject(): Promise<void> {
    return this.store!.putProject(this.name, {
      classes: this.classes,
      done: this.images.filter(({ done }) => done).map(({ id }) => id),
      heldOut: this.images.filter(({ heldOut }) => heldOut).map(({ id }) => id),
      images: this.images.map(({ id }) => id).sort(byCodePoint),
    });
  }

  private learn({ id, heldOut, plane, pixels }: PageImage): void {
    if (!plane || !pixels.some((count) => count > 0)) return;
    const { width, height, data } = plane;
    this.learner?.labelled({ id, file: id, heldOut, width, height, labels: data });
  }

  private tell(image: PageImage, etag: string | null): void {
    this.listeners?.image({ image: factsOf(image), by: PAGE_ID, etag });
  }

  private setTrouble(trouble: string | null): void {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.listeners?.disk({ trouble });
  }
}

function factsOf({ id, heldOut, problem, done, plane, pixels }: PageImage): ImageFacts {
  const labelledPixels = pixels.reduce((sum, count) => sum + count, 0);
  return {
    id,
    width: plane?.width ?? null,
    height: plane?.height ?? null,
    state: stateOf(problem, done, labelledPixels),
    labelledPixels,
    heldOut,
    ...(problem !== undefined && { problem }),
  };
}

const tagOf = ({ changes }: PageImage): string => `"${changes}"`;

async function bytesOf(blob: Blob | Promise<Blob>): Promise<Bytes> {
  return new Uint8Array(await (await blob).arrayBuffer());
}
